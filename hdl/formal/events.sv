// The events of all instructions but transforms, with pauses of any length between them. Event k of
//   a pointwise instruction reads row k div 2 of the first operand if k is even, of the second if it is odd; the even
//     events write that row, to the low banks and, a cycle later, to the high banks;
//   LD writes position k: bank k div R, row k mod R; ST reads it;
//   AUT writes row k reversed, in all banks.
// The last one ends the instruction. Operands are those of the instruction (MAC may exchange them), and no memory is
// asked for two words: beside a word of the destination, MAC reads another group, the same word, or nothing.
module proof #(parameter LOG_N = 12, LOG_BANKS = 4)(
  input clock, start, flush, stream_a, stream_b, input_valid, output_ready,
  input [4:0] op,
  input [6:0] slot_a, slot_b, slot_dst,
  output assumed, holds, reached
);
  localparam ROW_BITS = LOG_N - LOG_BANKS;
  localparam LANES = 1 << (LOG_BANKS - 1);
  localparam LD = 1, ST = 2, MUL = 5, MAC = 6, ADD = 7, SUB = 8, MULI = 9, AUT = 10, RED = 11;

  circuit circuit(
    .clock, .start, .flush, .op, .slot_a, .slot_b, .slot_dst, .stream_a, .stream_b,
    .weights(1'b0), .qh(17'd0), .factor(36'd0), .source_qh(17'd0), .addend(36'd0),
    .twiddle_base(17'd0), .row_base(17'd0), .galois(13'd0), .twiddle_write(1'b0), .twiddle_address(20'd0),
    .twiddle_data(36'd0), .input_valid, .all_input_data(288'd0), .output_ready
  );
  (* hierconn *) wire \circuit.inner.steps$issue ;
  (* hierconn *) wire \circuit.inner.steps$valid ;
  (* hierconn *) wire [`WIDTH_Read-1:0] \circuit.inner.steps$read ;
  (* hierconn *) wire [`WIDTH_Tag-1:0] \circuit.inner.steps$tag ;
  (* hierconn *) wire [`WIDTH_Departure-1:0] \circuit.inner.steps$departure ;
  (* hierconn *) wire [`WIDTH_State-1:0] \circuit.inner.steps.state$q ;
  (* hierconn *) wire [`WIDTH_Command-1:0] \circuit.inner.steps.held$q ;
  wire issue = \circuit.inner.steps$issue ;
  wire valid = \circuit.inner.steps$valid ;
  wire [`WIDTH_Read-1:0] read = \circuit.inner.steps$read ;
  wire [`WIDTH_Tag-1:0] tag = \circuit.inner.steps$tag ;
  wire [`WIDTH_Departure-1:0] departure = \circuit.inner.steps$departure ;
  wire [`WIDTH_State-1:0] state = \circuit.inner.steps.state$q ;
  wire [`WIDTH_Command-1:0] command = \circuit.inner.steps.held$q ;
  // Nothing is masked in the step generator: the ring of zeros comes through the lanes, which are cut.
  (* hierconn *) wire \circuit.inner.steps$asleep ;
  (* hierconn *) wire \circuit.inner.steps.sleep$q ;
  wire awake = ~\circuit.inner.steps.sleep$q ;

  // What is assumed: a legal instruction that stays, started when the one before has issued its events.
  wire takes_two = op == MUL | op == MAC | op == ADD | op == SUB;
  wire pointwise = takes_two | op == MULI | op == RED;
  wire serial = op == LD | op == ST;
  wire streams = stream_a | stream_b;
  // The first event comes in the second cycle after `start`.
  (* hierconn *) wire \circuit.inner.starting$q ;
  wire starting = \circuit.inner.starting$q ;
  reg running = 0;
  reg [27:0] before;
  wire [27:0] instruction = {op, slot_a, slot_b, slot_dst, stream_a, stream_b};
  always @(posedge clock) before <= instruction;
  assign assumed = ~\circuit.inner.steps$asleep  & (start | instruction == before) & ~(start & (starting | running))
    & (pointwise | serial | op == AUT) & (~streams | takes_two) & ~(stream_a & stream_b);

  // Where the instruction should stand.
  reg [LOG_N-1:0] k;
  wire [LOG_N-1:0] last = serial ? {LOG_N{1'b1}} : pointwise ? {(ROW_BITS+1){1'b1}} : {ROW_BITS{1'b1}};
  always @(posedge clock) begin
    if (issue) begin
      k <= k + 1'b1;
      if (k == last) running <= 0;
    end
    if (starting) {k, running} <= 1;
    if (flush) running <= 0;
  end

  function [ROW_BITS-1:0] reversed(input [ROW_BITS-1:0] x);
    integer i;
    for (i = 0; i < ROW_BITS; i = i + 1) reversed[i] = x[ROW_BITS-1-i];
  endfunction
  wire odd = pointwise & k[0];
  wire [ROW_BITS-1:0] row = pointwise ? k >> 1 : k;
  wire [LOG_BANKS-1:0] bank = k >> ROW_BITS;
  wire high = bank >= LANES;
  wire [7:0] lane = 1 << (bank % LANES);

  // Operands. The stream replaces the second one, but the first where it is subtracted from.
  wire stream_first = op == SUB & stream_a;
  wire nothing = read[`Read_none];
  wire again = read[`Read_hold];
  wire destination = read[`Read_third];
  wire exchanged = op == MAC & ~streams & slot_b[6:1] == slot_dst[6:1] & slot_b != slot_dst;
  wire [6:0] first_operand = exchanged | stream_a & ~stream_first ? slot_b : slot_a;
  wire [6:0] second_operand = exchanged ? slot_a : slot_b;
  wire first_right = stream_first ? nothing
    : ~nothing & ~again & ~destination & read[`Read_slot] == first_operand;
  wire second_right = ~takes_two
    | (streams & ~stream_first ? nothing
      : ~nothing & (again ? slot_a == slot_b & read[`Read_slot] == slot_a : read[`Read_slot] == second_operand));
  wire read_right = op == LD ? nothing
    : op == AUT ? ~nothing & read[`Read_slot] == slot_a
    : read[`Read_row] == row & (odd ? second_right : first_right);
  wire no_conflict = ~destination | nothing | again
    | read[`Read_slot] == slot_dst | read[`Read_slot] >> 1 != slot_dst >> 1;
  wire third_right = destination == (op == MAC & odd);
  wire write_right = op == ST ? ~tag[`Tag_low] & ~tag[`Tag_high]
    : tag[`Tag_row] == (op == AUT ? reversed(row) : row)
      & tag[`Tag_moved] == (op == AUT)
      & (op != LD | tag[`Tag_low] == ~high & tag[`Tag_high] == high & tag[`Tag_idle] == (~lane & (1 << LANES) - 1))
      & (op == LD | tag[`Tag_idle] == 0)
      & (~pointwise | tag[`Tag_low] == ~odd & tag[`Tag_high] == ~odd)
      & (op != AUT | tag[`Tag_low] & tag[`Tag_high] & tag[`Tag_whole_row]);
  wire leaves_right = departure[`Departure_push] == (op == ST)
    & (op != ST | departure[`Departure_high] == high & departure[`Departure_lane] == lane);

  // How the circuit keeps the same place; needed for the induction.
  wire [15:0] reach = state[`State_reach];
  wire state_right = &reach[ROW_BITS-1:0]
    & (pointwise ? state[`State_row] == k >> 1 & state[`State_half] == k[0]
      : state[`State_row] == k[ROW_BITS-1:0]
        & (serial ? state[`State_lane] == 1 << (bank % LANES) & state[`State_half] == high
          : ~state[`State_half]));
  wire command_right = ~command[`Command_transform] & ~command[`Command_inverse] & command[`Command_pointwise] == pointwise
    & command[`Command_load] == (op == LD) & command[`Command_store] == (op == ST)
    & command[`Command_automorphism] == (op == AUT) & command[`Command_third] == (op == MAC)
    & command[`Command_streams] == (op == LD | streams)
    & command[`Command_no_first] == (op == LD | stream_first)
    & command[`Command_no_second] == (op == LD | streams & ~stream_first)
    & command[`Command_same] == (op == MAC & ~streams & slot_a == slot_b)
    & (op == LD | stream_first | command[`Command_first_slot] == first_operand)
    & (~takes_two | streams & ~stream_first | command[`Command_second_slot] == second_operand)
    & command[`Command_target] == slot_dst;

  assign holds = awake & (~issue | running) & valid == (issue & ~flush) & state[`State_running] == running
    & (~running | state_right & command_right & k <= last)
    & (~issue | read_right & no_conflict & third_right & write_right & leaves_right & tag[`Tag_last] == (k == last));
  assign reached = valid & destination & ~nothing & ~again & k == 3 & exchanged;
endmodule
