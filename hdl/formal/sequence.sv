// What the control guarantees to the datapath, and the proof of `retire` assumes: everything about an instruction stays
// from `start` until `done` or `flush`; no instruction is started before the one before has ended, nor within two cycles
// of a flush.
//
// Memories and checks are taken out: whatever program runs, whatever is written, and whatever fails.
module proof(
  input clock, command_valid, done, stall, bad, drained,
  input [3:0] command_kind,
  input [19:0] command_address,
  input [35:0] command_data,
  input [7:0] status_address,
  output assumed, holds, reached
);
  wire start, flush, weights, stream_a, stream_b, running;
  wire [4:0] op;
  wire [6:0] slot_a, slot_b, slot_dst;
  wire [16:0] qh, source_qh, twiddle_base, row_base;
  wire [35:0] factor, addend;
  wire [12:0] galois;
  circuit circuit(
    .clock, .command_valid, .command_kind, .command_address, .command_data, .status_address, .done, .stall, .bad, .drained,
    .start, .flush, .op, .weights, .slot_a, .slot_b, .slot_dst, .stream_a, .stream_b, .qh, .factor, .source_qh, .addend,
    .twiddle_base, .row_base, .galois, .running
  );
  (* hierconn *) wire \circuit.inner.sequencer.looking_up$q ;
  (* hierconn *) wire \circuit.inner.sequencer.checking$q ;
  (* hierconn *) wire \circuit.inner.sequencer.executing$q ;
  (* hierconn *) wire \circuit.inner.restart$q ;
  (* hierconn *) wire \circuit.inner.commands$start ;
  wire looking_up = \circuit.inner.sequencer.looking_up$q ;
  wire checking = \circuit.inner.sequencer.checking$q ;
  wire executing = \circuit.inner.sequencer.executing$q ;

  wire beginning = \circuit.inner.restart$q | \circuit.inner.commands$start ;

  wire [188:0] instruction = {op, weights, slot_a, slot_b, slot_dst, stream_a, stream_b, qh, factor, source_qh, addend,
    twiddle_base, row_base, galois};
  reg busy = 0, flushed = 0, flushed_before = 0, known = 0;
  reg [188:0] before;
  always @(posedge clock) begin
    before <= instruction;
    known <= 1;
    {flushed, flushed_before} <= {flush, flushed};
    if (start) busy <= 1;
    else if (done | flush) busy <= 0;
  end
  // Of the datapath: it is done only with what was started.
  assign assumed = ~done | busy;
  assign holds = (~known | start | ~busy | instruction == before)
    & (~start | ~busy & ~flush & ~flushed & ~flushed_before)
    & looking_up + checking + executing <= 1 & executing == (start | busy & ~flush)
    & (~flush | ~start & ~looking_up & ~checking)
    & (~beginning | ~looking_up & ~checking & ~executing & ~flush) & ~(\circuit.inner.restart$q & \circuit.inner.commands$start );
  assign reached = start & known;
endmodule
