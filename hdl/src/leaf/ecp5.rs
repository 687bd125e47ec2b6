//! Instances of Lattice ECP5 primitives: multiplier, block RAM, carry chain.
//!
//! Synthesis maps plain Verilog to these primitives too, but packs no register into a multiplier or a block RAM, and puts
//! no logic in front of an adder into the adder's own lookup tables. That costs 3.9 ns at a multiplier, 5.6 ns at a
//! RAM and one lookup table a bit at an adder.

/// Behavioural models of the primitives used here, for simulation.
pub const ECP5_MODELS: &str = include_str!("ecp5_models.v");

/// Depth and width of one block RAM, widest first, with the address pin at which word addresses begin.
const RAM_SHAPES: [(usize, usize, usize); 6] = [
    (512, 36, 5),
    (1024, 18, 4),
    (2048, 9, 3),
    (4096, 4, 2),
    (8192, 2, 1),
    (16384, 1, 0),
];

const RAM_ADDRESS_PINS: usize = 14;

/// Connections of the pins `pin0`, `pin1`, … to the given signals.
fn pins(pin: &str, signals: impl IntoIterator<Item = String>) -> String {
    signals
        .into_iter()
        .enumerate()
        .map(|(i, signal)| format!(".{pin}{i}({signal}), "))
        .collect()
}

/// The bits `offset`, `offset + 1`, … of a vector of `width` bits, zeros beyond its end.
fn bits(vector: &str, width: usize, offset: usize, count: usize) -> Vec<String> {
    (offset..offset + count)
        .map(|i| {
            if i < width {
                format!("{vector}[{i}]")
            } else {
                "1'b0".to_owned()
            }
        })
        .collect()
}

/// Body of a multiplier of `a` and `b` into `product`, `a` signed if wanted, with all its registers.
pub(super) fn multiplier(signed_a: bool) -> String {
    let registers: String = ["INPUTA", "INPUTB", "PIPELINE", "OUTPUT"]
        .map(|stage| {
            format!(
                ".REG_{stage}_CLK(\"CLK0\"), .REG_{stage}_CE(\"CE0\"), .REG_{stage}_RST(\"RST0\"), "
            )
        })
        .concat();
    let a = pins("A", bits("a", 18, 0, 18));
    let b = pins("B", bits("b", 18, 0, 18));
    let product = pins("P", bits("out", 36, 0, 36));
    let signed_a = u8::from(signed_a);
    // Which B is taken says pin SOURCEB, which is low; the packer knows no mode of its own for that.
    format!(
        "wire [35:0] out;
MULT18X18D #({registers}.SOURCEB_MODE(\"B_SHIFT\"), .GSR(\"DISABLED\"), .RESETMODE(\"SYNC\")) unit (
  {a}
  {b}
  {product}
  .SIGNEDA(1'b{signed_a}), .SIGNEDB(1'b0), .SOURCEA(1'b0), .SOURCEB(1'b0),
  .CLK0(clock), .CE0(1'b1), .RST0(1'b0));
always @(*) product = out;
"
    )
}

/// Body of a RAM of `depth` words of `width` bits, with addresses of `address_bits` bits.
pub(super) fn ram(depth: usize, width: usize, address_bits: usize) -> String {
    let last = RAM_SHAPES[RAM_SHAPES.len() - 1];
    let (block_depth, block_width, first_pin) = RAM_SHAPES
        .into_iter()
        .find(|shape| shape.0 >= depth)
        .unwrap_or(last);
    let slices = width.div_ceil(block_width);
    let blocks = depth.div_ceil(block_depth);
    let block_bits = RAM_ADDRESS_PINS - first_pin;
    // A word of one bit is a scalar at the port.
    let mut text = format!("wire [{}:0] data = write_data;\n", width - 1);
    for block in 0..blocks {
        let enable = if blocks == 1 {
            "write".to_owned()
        } else {
            let top = address_bits - 1;
            text += &format!(
                "wire write{block} = write && write_address[{top}:{block_bits}] == {};\n",
                block
            );
            format!("write{block}")
        };
        text += &format!("wire [{}:0] out{block};\n", slices * block_width - 1);
        for slice in 0..slices {
            let name = format!("block{block}_{slice}");
            text += &ram_slice(
                &name,
                (block_width, first_pin),
                &enable,
                (width, address_bits),
                (slice * block_width, &format!("out{block}")),
            );
        }
    }
    let width = width - 1;
    if blocks == 1 {
        return text + &format!("always @(*) read_data = out0[{width}:0];\n");
    }
    let select = address_bits - 1 - block_bits;
    let top = address_bits - 1;
    text += &format!(
        "reg [{select}:0] fetched = 0;
reg [{select}:0] shown = 0;
always @(posedge clock) begin
  fetched <= read_address[{top}:{block_bits}];
  shown <= fetched;
end
always @(*) begin
  case (shown)\n"
    );
    for block in 1..blocks {
        text += &format!("    {block}: read_data = out{block}[{width}:0];\n");
    }
    text + &format!("    default: read_data = out0[{width}:0];\n  endcase\nend\n")
}

/// One block RAM: port A writes, port B reads through both registers.
fn ram_slice(
    name: &str,
    (block_width, first_pin): (usize, usize),
    enable: &str,
    (width, address_bits): (usize, usize),
    (offset, out): (usize, &str),
) -> String {
    // Pins below the word address are byte enables at the writing port of blocks of 18 and 36 bits.
    let low = |signal: &str| {
        let enables = if block_width > 9 { block_width / 9 } else { 0 };
        let mut pins = vec![signal.to_owned(); enables];
        pins.resize(first_pin, "1'b0".to_owned());
        pins
    };
    let address = |signal: &str| {
        let count = RAM_ADDRESS_PINS - first_pin;
        bits(signal, address_bits, 0, count)
    };
    let write = [low(enable), address("write_address")].concat();
    let read = [low("1'b0"), address("read_address")].concat();
    let data = bits("data", width, offset, block_width);
    let output = bits(out, block_width + offset, offset, block_width);
    // A block of 36 bits uses the data pins of both ports for writing and for reading.
    let (data_low, data_high) = data.split_at(block_width.min(18));
    let (output_low, output_high) = output.split_at(block_width.min(18));
    let data_pins = pins("DIA", data_low.to_vec()) + &pins("DIB", data_high.to_vec());
    let output_pins = if block_width == 36 {
        pins("DOA", output_low.to_vec()) + &pins("DOB", output_high.to_vec())
    } else {
        pins("DOB", output_low.to_vec())
    };
    format!(
        "DP16KD #(.DATA_WIDTH_A({block_width}), .DATA_WIDTH_B({block_width}), .REGMODE_A(\"OUTREG\"), .REGMODE_B(\"OUTREG\"), \
.CSDECODE_A(\"0b000\"), .CSDECODE_B(\"0b000\"), .WRITEMODE_A(\"NORMAL\"), .WRITEMODE_B(\"NORMAL\"), .GSR(\"DISABLED\")) {name} (
  {data_pins}
  {}
  {}
  {output_pins}
  .CLKA(clock), .CEA(1'b1), .OCEA(1'b1), .WEA({enable}), .RSTA(1'b0), .CSA0(1'b0), .CSA1(1'b0), .CSA2(1'b0),
  .CLKB(clock), .CEB(1'b1), .OCEB(1'b1), .WEB(1'b0), .RSTB(1'b0), .CSB0(1'b0), .CSB1(1'b0), .CSB2(1'b0));\n",
        pins("ADA", write),
        pins("ADB", read),
    )
}

/// How a carry chain begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Start {
    /// With a constant carry.
    Constant(bool),
    /// With the carry of a signal.
    Signal(&'static str),
}

/// What feeds one of the four inputs of the lookup tables in a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Feed {
    /// Bit i of a word at bit i.
    Word(&'static str),
    /// One signal at every bit.
    Bit(&'static str),
    /// A one at every bit.
    One,
}

/// Body of a registered adder of `width` bits as a carry chain.
///
/// A cell of the chain has a lookup table P of four inputs A, B, C, D, whose entries for C = D = 0
/// also serve as a table G of A and B. The sum bit is P ⊕ carry, and the next carry is the carry where P = 1, G where P = 0. `table` holds
/// P at D·8 + C·4 + B·2 + A.
pub(super) fn adder(width: usize, table: u16, feeds: [Feed; 4], start: Start) -> String {
    // A carry from a signal takes a cell of its own: P = 0, G = A.
    const INJECT: u16 = 0x000a;
    let mut cells = Vec::new();
    let carry = match start {
        Start::Constant(carry) => u8::from(carry),
        Start::Signal(signal) => {
            let ground = || "1'b0".to_owned();
            cells.push((
                INJECT,
                [signal.to_owned(), ground(), ground(), "1'b1".to_owned()],
                None,
            ));
            0
        }
    };
    for i in 0..width {
        let inputs = feeds.map(|feed| match feed {
            Feed::Word(word) => format!("{word}[{i}]"),
            Feed::Bit(bit) => bit.to_owned(),
            Feed::One => "1'b1".to_owned(),
        });
        cells.push((table, inputs, Some(i)));
    }
    if cells.len() % 2 == 1 {
        cells.push((0, [(); 4].map(|()| "1'b0".to_owned()), None));
    }
    let pairs = cells.len() / 2;
    let mut text = format!(
        "wire [{}:0] next;\nwire [{pairs}:0] chain;\nassign chain[0] = 1'b{carry};\n",
        width - 1
    );
    for (pair, two) in cells.chunks(2).enumerate() {
        let mut connections = String::new();
        let mut tables = String::new();
        for (half, (table, inputs, bit)) in two.iter().enumerate() {
            tables += &format!(".INIT{half}(16'h{table:04x}), .INJECT1_{half}(\"NO\"), ");
            for (pin, input) in ["A", "B", "C", "D"].iter().zip(inputs) {
                connections += &format!(".{pin}{half}({input}), ");
            }
            if let Some(bit) = bit {
                connections += &format!(".S{half}(next[{bit}]), ");
            }
        }
        text += &format!(
            "CCU2C #({}) pair{pair} ({connections}.CIN(chain[{pair}]), .COUT(chain[{}]));\n",
            tables.trim_end_matches(", "),
            pair + 1
        );
    }
    text + "initial sum = 0;\nalways @(posedge clock) sum <= next;\n"
}
