// Writes and the end of an instruction. Every event that was issued and not flushed comes to the lanes once, as many
// cycles later as its instruction's pipeline has, and never together with another; `done` follows the last one by two
// cycles, when the high banks have written as well; nothing is in flight between two instructions. What is already
// on the way to the lanes when a flush comes may still be written: no claim is made about the two cycles after a flush.
//
// Assumed is what the sequencer guarantees: an instruction stays until it is done or flushed, and the next one is started
// after that.
module proof #(parameter EARLY = 13, LATE = 30)(
  input clock, start, flush, stream_a, stream_b, input_valid, output_ready,
  input [4:0] op,
  input [6:0] slot_a, slot_b, slot_dst,
  output assumed, holds, reached
);
  localparam AUT = 10;
  localparam SLOTS = LATE;
  wire done;
  circuit circuit(
    .clock, .start, .flush, .op, .slot_a, .slot_b, .slot_dst, .stream_a, .stream_b,
    .weights(1'b0), .qh(17'd0), .factor(36'd0), .source_qh(17'd0), .addend(36'd0),
    .twiddle_base(17'd0), .row_base(17'd0), .galois(13'd0), .twiddle_write(1'b0), .twiddle_address(20'd0),
    .twiddle_data(36'd0), .input_valid, .all_input_data(288'd0), .output_ready, .done
  );
  (* hierconn *) wire \circuit.inner.steps$valid ;
  (* hierconn *) wire [`WIDTH_Tag-1:0] \circuit.inner.steps$tag ;
  (* hierconn *) wire [`WIDTH_Tag-1:0] \circuit.inner.lanes$0$tag ;
  (* hierconn *) wire [63:0] \circuit.inner.valid$q ;
  (* hierconn *) wire [3:0] \circuit.inner.finish$q ;
  (* hierconn *) wire [`WIDTH_State-1:0] \circuit.inner.steps.state$q ;
  (* hierconn *) wire [`WIDTH_Command-1:0] \circuit.inner.decode$command ;
  (* hierconn *) wire [`WIDTH_Command-1:0] \circuit.inner.steps.held$q ;
  wire valid = \circuit.inner.steps$valid ;
  wire [`WIDTH_Tag-1:0] tag = \circuit.inner.steps$tag ;
  // As the lanes hold it, each for itself, in front of their banks.
  reg [`WIDTH_Tag-1:0] written = 0;
  always @(posedge clock) written <= \circuit.inner.lanes$0$tag ;
  wire [63:0] events = \circuit.inner.valid$q ;
  wire [3:0] finish = \circuit.inner.finish$q ;
  wire [`WIDTH_State-1:0] state = \circuit.inner.steps.state$q ;
  wire [`WIDTH_Command-1:0] command = \circuit.inner.decode$command ;
  // Nothing is masked on the way to lane 0: the ring of zeros comes through the lanes, which are cut.
  (* hierconn *) wire \circuit.inner.lanes$0$passed ;
  (* hierconn *) wire \circuit.inner.relays$0.sleep$q ;
  (* hierconn *) wire \circuit.inner.steps.sleep$q ;
  (* hierconn *) wire \circuit.inner.masks$0$q ;
  (* hierconn *) wire \circuit.inner.early$q ;
  // The first event comes in the second cycle after `start`.
  (* hierconn *) wire \circuit.inner.starting$q ;
  wire starting = \circuit.inner.starting$q ;
  (* hierconn *) wire [`WIDTH_Tag-1:0] \circuit.inner.arrival$q ;
  wire awake = ~\circuit.inner.relays$0.sleep$q  & ~\circuit.inner.steps.sleep$q  & ~\circuit.inner.masks$0$q ;

  reg busy = 0, flushed = 0, flushed_before = 0;
  reg [27:0] before;
  wire [27:0] instruction = {op, slot_a, slot_b, slot_dst, stream_a, stream_b};
  always @(posedge clock) begin
    before <= instruction;
    {flushed, flushed_before} <= {flush, flushed};
    if (start) busy <= 1;
    else if (done | flush) busy <= 0;
  end
  assign assumed = ~\circuit.inner.lanes$0$passed  & (start | ~busy | instruction == before) & (~start | ~busy & ~flush & ~flushed & ~flushed_before)
    & op >= 1 & op <= 11;

  // Events in flight; place i holds that of i + 1 cycles ago. And cycles since the last one of the instruction.
  reg [SLOTS-1:0] flight = 0;
  reg [5:0] since_last = 0;
  always @(posedge clock) begin
    flight <= flush ? 0 : {flight, valid} & (command[`Command_automorphism] ? (1 << EARLY) - 1 : ~0);
    since_last <= flush | done | start ? 0 : valid & tag[`Tag_last] ? 1 : since_last == 0 ? 0 : since_last + 1;
  end
  // What they write, likewise.
  reg [`WIDTH_Tag-1:0] line [0:LATE-1];
  integer i;
  initial for (i = 0; i < LATE; i = i + 1) line[i] = 0;
  always @(posedge clock) begin
    line[0] <= tag;
    for (i = 1; i < LATE; i = i + 1) line[i] <= line[i - 1];
  end

  wire early = op == AUT;
  wire [5:0] latency = early ? EARLY : LATE;
  wire arrives = early ? flight[EARLY-1] : flight[LATE-1];
  wire [`WIDTH_Tag-1:0] event_ = early ? line[EARLY-1] : line[LATE-1];
  wire aborted = flushed | flushed_before;
  wire write_right = aborted | written[`Tag_low] == (arrives & event_[`Tag_low])
    & written[`Tag_high] == (arrives & event_[`Tag_high])
    & written[`Tag_last] == (arrives & event_[`Tag_last])
    & (~arrives | written[`Tag_row] == event_[`Tag_row]);
  // The same, two cycles before.
  wire [`WIDTH_Tag-1:0] arrival = \circuit.inner.arrival$q ;
  wire comes = early ? flight[EARLY-3] : flight[LATE-3];
  wire [`WIDTH_Tag-1:0] coming = early ? line[EARLY-3] : line[LATE-3];
  wire arrival_right = arrival[`Tag_low] == (comes & coming[`Tag_low])
    & arrival[`Tag_high] == (comes & coming[`Tag_high])
    & arrival[`Tag_last] == (comes & coming[`Tag_last])
    & (~comes | arrival[`Tag_row] == coming[`Tag_row]);
  wire idle_right = (aborted | ~written[`Tag_low] & ~written[`Tag_high] & ~written[`Tag_last])
    & ~arrival[`Tag_low] & ~arrival[`Tag_high] & ~arrival[`Tag_last] & finish == 0 & ~done;
  wire done_right = done == (since_last == latency + 2);
  wire nothing_younger = since_last == 0 | (flight & (1 << (since_last - 1)) - 1) == 0;

  // How the circuit keeps account; needed for the induction.
  wire [LATE-1:0] last_place;
  genvar p;
  generate
    for (p = 0; p < LATE; p = p + 1)
      assign last_place[p] = early & p >= EARLY | (flight[p] & line[p][`Tag_last]) == (since_last == p + 1);
  endgenerate
  wire [SLOTS-1:0] waiting = early ? flight & (1 << (EARLY - 3)) - 1 : flight;
  wire account = events[LATE-2:0] == waiting[LATE-2:0] & (~early | flight >> EARLY == 0)
    & (since_last == 0 | ~state[`State_running]) & since_last <= latency + 2
    & finish[0] == (since_last == latency - 1) & finish[1] == (since_last == latency)
    & finish[2] == (since_last == latency + 1) & finish[3] == (since_last == latency + 2);
  wire running_right = state[`State_running] == (since_last == 0 & ~starting) & (~starting | since_last == 0 & flight == 0);
  wire command_right = starting | command[`Command_automorphism] == early & \circuit.inner.early$q  == early & \circuit.inner.steps.held$q  == command;

  assign holds = busy
    ? awake & write_right & arrival_right & done_right & nothing_younger & (&last_place) & account & running_right & command_right
    : idle_right & awake & ~starting & ~state[`State_running] & since_last == 0 & ~valid & flight == 0 & events[LATE-2:0] == 0;
  assign reached = early & written[`Tag_low];
endmodule
