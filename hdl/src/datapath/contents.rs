//! Looking into the memories of the model, and putting words there without a cycle.

use super::bank::Bank;
use super::circuit::Datapath;
use crate::shape::Shape;
use crate::twiddles::TwiddleWord;
use crate::word::Word;

impl Datapath {
    /// The shape it was built for.
    pub fn shape(&self) -> &Shape {
        &self._shape
    }

    /// Bank and row of a position.
    fn place(&self, position: usize) -> (usize, usize) {
        let rows = self._shape.rows();
        (position / rows, position % rows)
    }

    /// The word at a position of a slot; `None` where there is none.
    pub fn peek(&self, slot: usize, position: usize) -> Option<u64> {
        let (bank, row) = self.place(position);
        let lanes = self.lanes.len();
        let lane = self.lanes.get(bank % lanes)?;
        let bank: &Bank = match bank / lanes {
            0 => lane.low(),
            1 => lane.high(),
            _ => return None,
        };
        bank.peek(slot, row)
    }

    /// Puts a word at a position of a slot; does nothing where there is none.
    pub fn poke(&mut self, slot: usize, position: usize, word: u64) {
        let (bank, row) = self.place(position);
        let lanes = self.lanes.len();
        let lane = &mut self.lanes[bank % lanes];
        match bank / lanes {
            0 => lane.low_mut().poke(slot, row, word),
            1 => lane.high_mut().poke(slot, row, word),
            _ => {}
        }
    }

    /// Puts a twiddle into a lane's memory.
    pub fn poke_twiddle(&mut self, word: TwiddleWord) {
        if let Some(lane) = self.lanes.get_mut(word.lane) {
            lane.twiddles_mut().poke(word.address, Word::new(word.word));
        }
    }
}
