//! The error register: what ended the last program that ended badly, until it is cleared.

use addax_hdl_derive::SettledBlock;
use rust_hdl::core::prelude::*;
use rust_hdl::widgets::dff_setup;

use crate::leaf::Register;
use crate::ports::error;
use crate::word::{Word, bit_cast};

/// The register.
#[derive(Clone, Debug, SettledBlock)]
pub struct Faults {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// Forget the error.
    pub clear: Signal<In, Bit>,
    /// Take the error that the following inputs describe.
    pub take: Signal<In, Bit>,
    /// Its code.
    pub code: Signal<In, Word<4>>,
    /// It was met by the instruction being executed, not by the one being checked.
    pub issued: Signal<In, Bit>,
    /// Place of the instruction being checked.
    pub checked_place: Signal<In, Word<11>>,
    /// Its word.
    pub checked_word: Signal<In, Word<32>>,
    /// Place of the instruction being executed.
    pub issued_place: Signal<In, Word<11>>,
    /// Its word.
    pub issued_word: Signal<In, Word<32>>,
    /// Slot that failed.
    pub slot: Signal<In, Word<7>>,
    /// The limb it should have.
    pub expected: Signal<In, Word<4>>,
    /// The limb it has.
    pub found: Signal<In, Word<4>>,
    /// An error stands.
    pub stands: Signal<Out, Bit>,
    /// Its code.
    pub error_code: Signal<Out, Word<4>>,
    /// Its place.
    pub error_place: Signal<Out, Word<11>>,
    /// Its word.
    pub error_word: Signal<Out, Word<32>>,
    /// Slot and limbs.
    pub error_detail: Signal<Out, Word<16>>,
    code_register: Register<Word<4>>,
    place_register: Register<Word<11>>,
    word_register: Register<Word<32>>,
    detail_register: Register<Word<16>>,
    no_word: Constant<Word<32>>,
    no_detail: Constant<Word<16>>,
    slot_only: Constant<Word<16>>,
    code_none: Constant<Word<4>>,
    code_unwritten: Constant<Word<4>>,
    code_wrong_limb: Constant<Word<4>>,
}

impl Default for Faults {
    fn default() -> Self {
        let code = |code: u64| Constant::new(Word::new(code));
        Self {
            clock: Signal::default(),
            clear: Signal::default(),
            take: Signal::default(),
            code: Signal::default(),
            issued: Signal::default(),
            checked_place: Signal::default(),
            checked_word: Signal::default(),
            issued_place: Signal::default(),
            issued_word: Signal::default(),
            slot: Signal::default(),
            expected: Signal::default(),
            found: Signal::default(),
            stands: Signal::default(),
            error_code: Signal::default(),
            error_place: Signal::default(),
            error_word: Signal::default(),
            error_detail: Signal::default(),
            code_register: Register::default(),
            place_register: Register::default(),
            word_register: Register::default(),
            detail_register: Register::default(),
            no_word: Constant::new(Word::new(0)),
            no_detail: Constant::new(Word::new(0)),
            slot_only: Constant::new(Word::new(0x7f)),
            code_none: code(error::NONE),
            code_unwritten: code(error::UNWRITTEN),
            code_wrong_limb: code(error::WRONG_LIMB),
        }
    }
}

impl Logic for Faults {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self,
            clock,
            code_register,
            place_register,
            word_register,
            detail_register
        );
        // Until an error stands, all but the code follows what is going on.
        if !self.code_register.q.val().any() {
            self.place_register.d.next = self.checked_place.val();
            self.word_register.d.next = self.checked_word.val();
            if self.checked_place.val().get_bit(10) {
                self.word_register.d.next = self.no_word.val();
            }
            if self.issued.val() {
                self.place_register.d.next = self.issued_place.val();
                self.word_register.d.next = self.issued_word.val();
            }
            self.detail_register.d.next = bit_cast::<16, 7>(self.slot.val())
                | (bit_cast::<16, 4>(self.expected.val()) << 8)
                | (bit_cast::<16, 4>(self.found.val()) << 12);
            if self.take.val() {
                self.code_register.d.next = self.code.val();
            }
        }
        if self.clear.val() {
            self.code_register.d.next = self.code_none.val();
        }
        self.error_detail.next = self.no_detail.val();
        if self.code_register.q.val() == self.code_unwritten.val() {
            self.error_detail.next = self.detail_register.q.val() & self.slot_only.val();
        }
        if self.code_register.q.val() == self.code_wrong_limb.val() {
            self.error_detail.next = self.detail_register.q.val();
        }
        self.stands.next = self.code_register.q.val().any();
        self.error_code.next = self.code_register.q.val();
        self.error_place.next = self.place_register.q.val();
        self.error_word.next = self.word_register.q.val();
    }
}
