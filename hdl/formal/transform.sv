// The events of a transform. Event k of stage s, counted from `start`, reads the row that the memory map prescribes,
// writes the same row, takes the prescribed twiddle, and ends the instruction if it is the last. In every stage every
// row is read exactly once, its pair is at distance d, and no row is read again before R/2 + 1 cycles have passed.
//
// `row` and the slots are arbitrary, but stay.
module proof #(parameter LOG_N = 12, LOG_BANKS = 4, ROW_STRIDE = 1)(
  input clock, start, flush, inverse,
  input [6:0] source, target,
  input [16:0] twiddle_base, row_base,
  input [LOG_N-LOG_BANKS-1:0] row,
  output assumed, holds, reached
);
  localparam ROW_BITS = LOG_N - LOG_BANKS;
  localparam ROWS = 1 << ROW_BITS;

  circuit circuit(
    .clock, .start, .flush, .op(inverse ? 5'd4 : 5'd3), .slot_a(source), .slot_b(7'd0), .slot_dst(target),
    .stream_a(1'b0), .stream_b(1'b0), .weights(1'b0), .qh(17'd0), .factor(36'd0), .source_qh(17'd0), .addend(36'd0),
    .twiddle_base, .row_base, .galois(13'd0), .twiddle_write(1'b0), .twiddle_address(20'd0), .twiddle_data(36'd0),
    .input_valid(1'b0), .all_input_data(288'd0), .output_ready(1'b0)
  );
  (* hierconn *) wire \circuit.inner.steps$issue ;
  (* hierconn *) wire \circuit.inner.steps$valid ;
  (* hierconn *) wire [`WIDTH_Read-1:0] \circuit.inner.steps$read ;
  (* hierconn *) wire [`WIDTH_Tag-1:0] \circuit.inner.steps$tag ;
  (* hierconn *) wire [16:0] \circuit.inner.steps$twiddle_address ;
  (* hierconn *) wire [`WIDTH_State-1:0] \circuit.inner.steps.state$q ;
  (* hierconn *) wire [`WIDTH_Command-1:0] \circuit.inner.steps.held$q ;
  wire issue = \circuit.inner.steps$issue ;
  wire valid = \circuit.inner.steps$valid ;
  wire [`WIDTH_Read-1:0] read = \circuit.inner.steps$read ;
  wire [`WIDTH_Tag-1:0] tag = \circuit.inner.steps$tag ;
  wire [16:0] twiddle_address = \circuit.inner.steps$twiddle_address ;
  wire [`WIDTH_State-1:0] state = \circuit.inner.steps.state$q ;
  wire [`WIDTH_Command-1:0] command = \circuit.inner.steps.held$q ;
  // Nothing is masked in the step generator: the ring of zeros comes through the lanes, which are cut.
  (* hierconn *) wire \circuit.inner.steps$asleep ;
  (* hierconn *) wire \circuit.inner.steps.sleep$q ;
  wire awake = ~\circuit.inner.steps.sleep$q ;

  // d - 1 in a stage.
  function [LOG_N-2:0] reach_of(input [3:0] stage);
    integer bit_;
    for (bit_ = 0; bit_ < LOG_N - 1; bit_ = bit_ + 1)
      reach_of[bit_] = inverse ? bit_ < stage : bit_ + stage < LOG_N - 1;
  endfunction
  // Row of event k: all rows in order, or k div 2 with bit k mod 2 put in at log2 d.
  function [ROW_BITS-1:0] row_of(input [LOG_N-2:0] reach, input [ROW_BITS-1:0] k);
    reg [ROW_BITS-1:0] low, pair;
    begin
      low = reach;
      pair = k >> 1;
      row_of = &low ? k : (pair & low) | ((pair & ~low) << 1) | (k[0] ? low + 1'b1 : 0);
    end
  endfunction
  // Which event reads a row: the inverse of it.
  function [ROW_BITS-1:0] event_of(input [LOG_N-2:0] reach, input [ROW_BITS-1:0] row_);
    reg [ROW_BITS-1:0] low;
    begin
      low = reach;
      event_of = &low ? row_ : {(row_ & low) | ((row_ >> 1) & ~low), |(row_ & (low + 1'b1))};
    end
  endfunction

  // What is assumed: nothing changes while an instruction runs, none is started before the last has issued its events.
  // The first event comes in the second cycle after `start`.
  (* hierconn *) wire \circuit.inner.starting$q ;
  wire starting = \circuit.inner.starting$q ;
  reg inverse_before, running = 0;
  reg [6:0] source_before, target_before;
  reg [16:0] twiddle_base_before, row_base_before;
  reg [ROW_BITS-1:0] row_before;
  always @(posedge clock) begin
    inverse_before <= inverse;
    {source_before, target_before} <= {source, target};
    {twiddle_base_before, row_base_before} <= {twiddle_base, row_base};
    row_before <= row;
  end
  wire stable = inverse == inverse_before & source == source_before & target == target_before
    & twiddle_base == twiddle_base_before & row_base == row_base_before;
  assign assumed = ~\circuit.inner.steps$asleep  & row == row_before & (start | stable) & ~(start & (starting | running))
    & twiddle_base[ROW_BITS:0] == 0 & (ROW_STRIDE != 1 | row_base[1:0] == 0)
    & (ROW_STRIDE == 1 | row_base == twiddle_base);

  // Where the instruction should stand.
  reg [3:0] stage;
  reg [ROW_BITS-1:0] k;
  always @(posedge clock) begin
    if (running) begin
      k <= k + 1'b1;
      if (&k) stage <= stage + 1'b1;
      if (&k & stage == LOG_N - 1) running <= 0;
    end
    if (starting) {stage, k, running} <= 1;
    if (flush) running <= 0;
  end

  wire [LOG_N-2:0] reach = reach_of(stage);
  wire whole_row = &reach[ROW_BITS-1:0];
  wire [ROW_BITS-1:0] row_now = row_of(reach, k);
  wire [ROW_BITS-1:0] low = reach;
  wire half = k[0];
  wire [ROW_BITS-1:0] above = ~low & ~(low + 1'b1);
  wire [ROW_BITS-1:0] second = row_of(reach, k | 1'b1) & ~low;
  wire [16:0] paired_twiddle = twiddle_base
    + (half ^ inverse ? ROWS : 0) + (inverse ? second ^ above : second);
  wire [3:0] forward_stage = inverse ? LOG_N - 1 - stage : stage;
  wire [16:0] row_twiddle = row_base + forward_stage * ROW_STRIDE;
  wire prescribed = read[`Read_row] == row_now
    & read[`Read_slot] == (stage == 0 ? source : target)
    & ~read[`Read_none] & ~read[`Read_hold] & ~read[`Read_third]
    & tag[`Tag_row] == row_now & tag[`Tag_low] & tag[`Tag_high]
    & tag[`Tag_whole_row] == whole_row & tag[`Tag_second] == (half & ~whole_row)
    & tag[`Tag_last] == (stage == LOG_N - 1 & &k)
    & twiddle_address == (whole_row ? row_twiddle : paired_twiddle);

  // The row that is followed: read once in a stage, at the event that the map says; cycles since then.
  wire reads = issue & read[`Read_row] == row;
  reg seen;
  reg [ROW_BITS:0] age;
  always @(posedge clock) begin
    if (issue) seen <= (seen & k != 0 | reads) & ~&k;
    age <= reads ? 1 : age + 1'b1;
  end
  wire seen_before = seen & k != 0;
  wire [ROW_BITS-1:0] event_ = event_of(reach, row);
  wire [ROW_BITS-1:0] event_before = event_of(reach_of(stage - 1'b1), row);
  wire once = seen_before == (event_ < k) & (~reads | ~seen_before) & (~&k | seen_before | reads)
    & (seen_before ? age == k - event_
      : stage == 0 | age == ROWS - event_before + k);
  wire late_enough = ~reads | stage == 0 | age > ROWS / 2;

  // The two words of a paired event are d apart.
  reg [ROW_BITS-1:0] row_read_before;
  always @(posedge clock) row_read_before <= read[`Read_row];
  wire pair_right = whole_row | ~half | read[`Read_row] == row_read_before + low + 1'b1;

  // How the circuit keeps the same place; needed for the induction.
  wire state_right = state[`State_reach] == reach
    & state[`State_first_stage] == (stage == 0)
    & (whole_row ? state[`State_row] == k & ~state[`State_half]
      : state[`State_row] == k[ROW_BITS-1:1] & state[`State_half] == k[0]);
  wire command_right = command[`Command_transform] & command[`Command_inverse] == inverse
    & ~command[`Command_pointwise] & ~command[`Command_load] & ~command[`Command_store]
    & ~command[`Command_automorphism] & ~command[`Command_streams]
    & ~command[`Command_no_second] & ~command[`Command_same] & ~command[`Command_third]
    & command[`Command_first_slot] == source & command[`Command_target] == target;
  assign holds = awake & issue == running & valid == (running & ~flush) & state[`State_running] == running
    & (~running | state_right & command_right & stage < LOG_N & prescribed & once & late_enough & pair_right);
  assign reached = valid & inverse & stage == 0 & k == 5 & reads;
endmodule
