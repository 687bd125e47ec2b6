// The banks under an automorphism: class c of the result takes the word of class c*g + h mod M, for every h and all
// words. Since g is odd, no word is lost. Only h mod M matters; each of its values has a network of its own here.
module proof #(parameter LOG_BANKS = 4, LATENCY = 5)(
  input clock,
  input [36*(1<<LOG_BANKS)-1:0] words,
  output assumed, holds, reached
);
  localparam BANKS = 1 << LOG_BANKS;
  reg [36*BANKS-1:0] earlier [1:LATENCY];
  integer i;
  always @(posedge clock) begin
    earlier[1] <= words;
    for (i = 2; i <= LATENCY; i = i + 1) earlier[i] <= earlier[i - 1];
  end
  assign assumed = 1;

  function [LOG_BANKS-1:0] reversed(input [LOG_BANKS-1:0] x);
    integer k;
    for (k = 0; k < LOG_BANKS; k = k + 1) reversed[k] = x[LOG_BANKS-1-k];
  endfunction

  wire [BANKS*BANKS-1:0] right;
  wire [BANKS-1:0] moved;
  genvar h, level, node, to;
  generate
    for (h = 0; h < BANKS; h = h + 1) begin : element
      localparam G = 2*h + 1;
      wire [36*BANKS-1:0] results;
      wire [BANKS-2:0] swaps;
      for (level = 0; level < LOG_BANKS; level = level + 1)
        for (node = 0; node < (1 << level); node = node + 1)
          assign swaps[(1 << level) - 1 + node] = (node*G + h) >> level;
      circuit circuit(.clock, .all_input(words), .all_swaps(swaps), .all_output(results));
      for (to = 0; to < BANKS; to = to + 1) begin : class_
        localparam [LOG_BANKS-1:0] FROM = to*G + h;
        assign right[BANKS*h + to] =
          results[36*reversed(to) +: 36] == earlier[LATENCY][36*reversed(FROM) +: 36];
      end
      assign moved[h] = results != earlier[LATENCY];
    end
  endgenerate
  assign holds = &right;
  assign reached = moved[1];
endmodule
