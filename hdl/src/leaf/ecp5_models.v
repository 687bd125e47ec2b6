// Behavioural models of three ECP5 primitives, as far as this project uses them: what the data sheets say that
// they do, without timing. An unconnected input reads as zero.

// Two cells of a carry chain. A cell's sum is its table at (D, C, B, A), xor the carry; the carry passes where
// the table has a one, and is the table at (0, 0, B, A) where it has a zero.
module CCU2C(
  input CIN, A0, B0, C0, D0, A1, B1, C1, D1,
  output S0, S1, COUT);
  parameter [15:0] INIT0 = 16'h0000;
  parameter [15:0] INIT1 = 16'h0000;
  parameter INJECT1_0 = "YES";
  parameter INJECT1_1 = "YES";
  initial if (INJECT1_0 != "NO" || INJECT1_1 != "NO") $display("CCU2C: only INJECT1 = NO is modelled");
  wire pass0 = INIT0[{D0, C0, B0, A0}];
  wire pass1 = INIT1[{D1, C1, B1, A1}];
  wire middle = pass0 ? CIN : INIT0[{2'b00, B0, A0}];
  assign S0 = pass0 ^ CIN;
  assign S1 = pass1 ^ middle;
  assign COUT = pass1 ? middle : INIT1[{2'b00, B1, A1}];
endmodule

// An 18 x 18 multiplier with registers at its inputs, in its middle and at its output, each in use if its clock
// is "CLK0". An operand is signed where its SIGNED pin is set.
module MULT18X18D(
  input A0, A1, A2, A3, A4, A5, A6, A7, A8, A9, A10, A11, A12, A13, A14, A15, A16, A17,
  input B0, B1, B2, B3, B4, B5, B6, B7, B8, B9, B10, B11, B12, B13, B14, B15, B16, B17,
  input SIGNEDA, SIGNEDB, SOURCEA, SOURCEB, CLK0, CE0, RST0,
  output P0, P1, P2, P3, P4, P5, P6, P7, P8, P9, P10, P11, P12, P13, P14, P15, P16, P17, P18, P19, P20, P21, P22,
    P23, P24, P25, P26, P27, P28, P29, P30, P31, P32, P33, P34, P35);
  parameter REG_INPUTA_CLK = "NONE";
  parameter REG_INPUTA_CE = "CE0";
  parameter REG_INPUTA_RST = "RST0";
  parameter REG_INPUTB_CLK = "NONE";
  parameter REG_INPUTB_CE = "CE0";
  parameter REG_INPUTB_RST = "RST0";
  parameter REG_PIPELINE_CLK = "NONE";
  parameter REG_PIPELINE_CE = "CE0";
  parameter REG_PIPELINE_RST = "RST0";
  parameter REG_OUTPUT_CLK = "NONE";
  parameter REG_OUTPUT_CE = "CE0";
  parameter REG_OUTPUT_RST = "RST0";
  parameter SOURCEB_MODE = "B_SHIFT";
  parameter GSR = "ENABLED";
  parameter RESETMODE = "SYNC";
  wire [17:0] a = {A17, A16, A15, A14, A13, A12, A11, A10, A9, A8, A7, A6, A5, A4, A3, A2, A1, A0};
  wire [17:0] b = {B17, B16, B15, B14, B13, B12, B11, B10, B9, B8, B7, B6, B5, B4, B3, B2, B1, B0};
  reg [17:0] a_register = 0;
  reg [17:0] b_register = 0;
  reg [35:0] pipeline_register = 0;
  reg [35:0] output_register = 0;
  wire [17:0] a_used = (REG_INPUTA_CLK == "CLK0") ? a_register : a;
  wire [17:0] b_used = (REG_INPUTB_CLK == "CLK0") ? b_register : b;
  wire signed [36:0] a_wide = {{19{SIGNEDA & a_used[17]}}, a_used};
  wire signed [36:0] b_wide = {{19{SIGNEDB & b_used[17]}}, b_used};
  wire signed [36:0] exact = a_wide * b_wide;
  wire [35:0] middle = (REG_PIPELINE_CLK == "CLK0") ? pipeline_register : exact[35:0];
  wire [35:0] product = (REG_OUTPUT_CLK == "CLK0") ? output_register : middle;
  assign {P35, P34, P33, P32, P31, P30, P29, P28, P27, P26, P25, P24, P23, P22, P21, P20, P19, P18, P17, P16, P15,
    P14, P13, P12, P11, P10, P9, P8, P7, P6, P5, P4, P3, P2, P1, P0} = product;
  always @(posedge CLK0)
    if (RST0) begin
      a_register <= 0;
      b_register <= 0;
      pipeline_register <= 0;
      output_register <= 0;
    end else if (CE0) begin
      a_register <= a;
      b_register <= b;
      pipeline_register <= exact[35:0];
      output_register <= middle;
    end
endmodule

// A block RAM of 18 kbit that port A writes and port B reads, both with the same width. Words of 18 and 36 bits
// have one write enable for each 9 bits, at the lowest address pins; words of 36 bits use the data pins of both
// ports.
module DP16KD(
  input DIA0, DIA1, DIA2, DIA3, DIA4, DIA5, DIA6, DIA7, DIA8, DIA9, DIA10, DIA11, DIA12, DIA13, DIA14, DIA15, DIA16,
    DIA17,
  input DIB0, DIB1, DIB2, DIB3, DIB4, DIB5, DIB6, DIB7, DIB8, DIB9, DIB10, DIB11, DIB12, DIB13, DIB14, DIB15, DIB16,
    DIB17,
  input ADA0, ADA1, ADA2, ADA3, ADA4, ADA5, ADA6, ADA7, ADA8, ADA9, ADA10, ADA11, ADA12, ADA13,
  input ADB0, ADB1, ADB2, ADB3, ADB4, ADB5, ADB6, ADB7, ADB8, ADB9, ADB10, ADB11, ADB12, ADB13,
  input CLKA, CEA, OCEA, WEA, RSTA, CSA0, CSA1, CSA2,
  input CLKB, CEB, OCEB, WEB, RSTB, CSB0, CSB1, CSB2,
  output DOA0, DOA1, DOA2, DOA3, DOA4, DOA5, DOA6, DOA7, DOA8, DOA9, DOA10, DOA11, DOA12, DOA13, DOA14, DOA15,
    DOA16, DOA17,
  output DOB0, DOB1, DOB2, DOB3, DOB4, DOB5, DOB6, DOB7, DOB8, DOB9, DOB10, DOB11, DOB12, DOB13, DOB14, DOB15,
    DOB16, DOB17);
  parameter DATA_WIDTH_A = 18;
  parameter DATA_WIDTH_B = 18;
  parameter REGMODE_A = "NOREG";
  parameter REGMODE_B = "NOREG";
  parameter CSDECODE_A = "0b000";
  parameter CSDECODE_B = "0b000";
  parameter WRITEMODE_A = "NORMAL";
  parameter WRITEMODE_B = "NORMAL";
  parameter GSR = "ENABLED";
  localparam FIRST = (DATA_WIDTH_A == 36) ? 5 : (DATA_WIDTH_A == 18) ? 4 : (DATA_WIDTH_A == 9) ? 3 :
                     (DATA_WIDTH_A == 4) ? 2 : (DATA_WIDTH_A == 2) ? 1 : 0;
  initial if (DATA_WIDTH_A != DATA_WIDTH_B) $display("DP16KD: only equal widths are modelled");
  wire [13:0] a = {ADA13, ADA12, ADA11, ADA10, ADA9, ADA8, ADA7, ADA6, ADA5, ADA4, ADA3, ADA2, ADA1, ADA0};
  wire [13:0] b = {ADB13, ADB12, ADB11, ADB10, ADB9, ADB8, ADB7, ADB6, ADB5, ADB4, ADB3, ADB2, ADB1, ADB0};
  wire [35:0] data = {DIB17, DIB16, DIB15, DIB14, DIB13, DIB12, DIB11, DIB10, DIB9, DIB8, DIB7, DIB6, DIB5, DIB4,
    DIB3, DIB2, DIB1, DIB0,
                      DIA17, DIA16, DIA15, DIA14, DIA13, DIA12, DIA11, DIA10, DIA9, DIA8, DIA7, DIA6, DIA5, DIA4,
                        DIA3, DIA2, DIA1, DIA0};
  wire [3:0] enables = (DATA_WIDTH_A == 36) ? a[3:0] : (DATA_WIDTH_A == 18) ? {2'b00, a[1:0]} : 4'b1111;
  wire [35:0] mask = {{9{enables[3]}}, {9{enables[2]}}, {9{enables[1]}}, {9{enables[0]}}};
  wire selected_a = {CSA2, CSA1, CSA0} == 3'b000;
  wire selected_b = {CSB2, CSB1, CSB0} == 3'b000;
  wire [13:0] place = a >> FIRST;
  reg [35:0] words [0:(16384 >> FIRST) - 1];
  reg [35:0] fetched = 0;
  reg [35:0] shown = 0;
  integer i;
  initial for (i = 0; i < (16384 >> FIRST); i = i + 1) words[i] = 0;
  always @(posedge CLKA)
    if (CEA && WEA && selected_a) words[place] <= (words[place] & ~mask) | (data & mask);
  always @(posedge CLKB) begin
    if (RSTB) shown <= 0;
    else if (OCEB) shown <= fetched;
    if (CEB && selected_b) fetched <= words[b >> FIRST];
  end
  wire [35:0] out = (REGMODE_B == "OUTREG") ? shown : fetched;
  assign {DOA17, DOA16, DOA15, DOA14, DOA13, DOA12, DOA11, DOA10, DOA9, DOA8, DOA7, DOA6, DOA5, DOA4, DOA3, DOA2,
    DOA1, DOA0} = (DATA_WIDTH_B == 36) ? out[17:0] : 18'b0;
  assign {DOB17, DOB16, DOB15, DOB14, DOB13, DOB12, DOB11, DOB10, DOB9, DOB8, DOB7, DOB6, DOB5, DOB4, DOB3, DOB2,
    DOB1, DOB0} = (DATA_WIDTH_B == 36) ? out[35:18] : out[17:0];
endmodule
