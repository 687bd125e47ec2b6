// The addresses of an automorphism. With v_c = c*g + h, the bank that class c reads from, v_c mod M, shows row v_c div M
// of the operand in the third cycle after it is computed, and in every cycle from the second of `ready` on g rows further
// (mod R); the swaps are bits of v_c.
module proof #(parameter LOG_N = 10, LOG_BANKS = 2)(
  input clock, start,
  input [12:0] galois,
  output assumed, holds, reached
);
  localparam BANKS = 1 << LOG_BANKS, ROW_BITS = LOG_N - LOG_BANKS;
  wire ready;
  wire [12*BANKS-1:0] rows;
  wire [BANKS-2:0] swaps;
  circuit circuit(.clock, .start, .galois, .all_asleep({BANKS/2{1'b0}}), .ready, .all_rows(rows), .all_swaps(swaps));
  (* hierconn *) wire [12:0] \circuit.inner.value$q ;
  (* hierconn *) wire [4:0] \circuit.inner.count$q ;
  wire [12:0] value = \circuit.inner.value$q ;
  wire [4:0] count = \circuit.inner.count$q ;

  function [ROW_BITS-1:0] reversed_row(input [ROW_BITS-1:0] x);
    integer k;
    for (k = 0; k < ROW_BITS; k = k + 1) reversed_row[k] = x[ROW_BITS-1-k];
  endfunction
  function [LOG_BANKS-1:0] reversed(input [LOG_BANKS-1:0] x);
    integer k;
    for (k = 0; k < LOG_BANKS; k = k + 1) reversed[k] = x[LOG_BANKS-1-k];
  endfunction

  reg begun = 0;
  // Classes whose rows are there.
  reg [4:0] passed = 0, loaded = 0;
  reg complete = 0;
  reg [12:0] galois_before;
  always @(posedge clock) begin
    galois_before <= galois;
    passed <= start ? 0 : count;
    loaded <= start ? 0 : passed;
    complete <= count == BANKS & ~start;
    if (start) begun <= 1;
  end
  assign assumed = start | galois == galois_before;

  // The specification: v_c by repeated addition, latched at `start`, and the row of each class.
  wire [12:0] g = {galois, 1'b1};
  wire [BANKS-1:0] right;
  genvar c, bank, level;
  generate
    for (c = 0; c < BANKS; c = c + 1) begin : class_
      wire [12:0] sum;
      reg [12:0] v;
      wire chain_right;
      if (c == 0) begin
        assign sum = galois;
        assign chain_right = v == galois;
      end else begin
        assign sum = class_[c - 1].sum + g;
        assign chain_right = v == class_[c - 1].v + g;
      end
      reg [ROW_BITS-1:0] row;
      always @(posedge clock)
        if (start) begin
          v <= sum;
          row <= sum >> LOG_BANKS;
        end else if (ready) row <= row + g;
      wire [ROW_BITS-1:0] first = v >> LOG_BANKS;
      reg [ROW_BITS-1:0] shown;
      always @(posedge clock) shown <= row;

      wire [BANKS-1:0] row_right;
      for (bank = 0; bank < BANKS; bank = bank + 1)
        assign row_right[bank] = v[LOG_BANKS-1:0] != reversed(bank)
          | rows[12*bank +: 12] == reversed_row(shown);
      wire [LOG_BANKS-1:0] swap_right;
      for (level = 0; level < LOG_BANKS; level = level + 1)
        if (c < (1 << level)) assign swap_right[level] = swaps[(1 << level) - 1 + c] == v[level];
        else assign swap_right[level] = 1;
      assign right[c] = chain_right & (count != c | value == v) & (ready | row == first)
        & (loaded <= c | (&row_right)) & (count <= c | (&swap_right));
    end
  endgenerate
  assign holds = ~begun | start | (&right) & count <= BANKS & ready == complete;
  assign reached = begun & ready & class_[0].row == class_[0].first + 3 * g;
endmodule
