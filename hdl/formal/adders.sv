// Each adder of the butterfly in both its forms, side by side with the same operands: the sums are the same. The last one,
// which chooses between two sums, wants its first operand 0 for one of them; its inputs are the last ones, clock apart
// a, b, c, select, carry.
module proof(
  input clock,
  input [`INPUTS-1:0] operands,
  output assumed, holds, reached
);
  wire [`PAIRS-1:0] same;
  circuit circuit(.clock, .inputs(operands), .same);
  wire select = operands[`INPUTS-2];
  wire [35:0] first = operands[`INPUTS-110 +: 36];
  assign assumed = select | first == 0;
  assign holds = &same;
  assign reached = ~select & operands[35:0] != 0;
endmodule
