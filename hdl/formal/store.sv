// The queue of ST never holds more than 16 words, counts them rightly, and every word that is pushed leaves unchanged
// after those before it: `mark` follows any one of them.
module proof(
  input clock, push, reserve, output_ready, mark,
  input [35:0] push_data,
  output assumed, holds, reached
);
  localparam DEPTH = 16;
  wire credit, output_valid, drained;
  wire [35:0] output_data;
  circuit circuit(.clock, .push, .push_data, .reserve, .credit, .output_valid, .output_data, .output_ready, .drained);

  reg [5:0] on_the_way = 0, waiting = 0;
  wire taken = output_valid & output_ready;
  always @(posedge clock) begin
    on_the_way <= on_the_way + reserve - push;
    waiting <= waiting + push - taken;
  end
  assign assumed = (~reserve | credit) & (~push | reserve | on_the_way != 0) & (~mark | push);

  reg followed = 0;
  reg [35:0] word;
  reg [5:0] before;
  always @(posedge clock)
    if (~followed & mark) begin
      followed <= 1;
      word <= push_data;
      before <= waiting - taken;
    end else if (followed & taken) begin
      before <= before - 1;
      followed <= before != 0;
    end

  (* hierconn *) wire [3:0] \circuit.inner.put$q ;
  (* hierconn *) wire [3:0] \circuit.inner.taken$q ;
  (* hierconn *) wire [4:0] \circuit.inner.missing$q ;
  (* hierconn *) wire [4:0] \circuit.inner.outstanding$q ;
  (* hierconn *) wire [35:0] \circuit.inner.queue.words[0] ;
  (* hierconn *) wire [35:0] \circuit.inner.queue.words[1] ;
  (* hierconn *) wire [35:0] \circuit.inner.queue.words[2] ;
  (* hierconn *) wire [35:0] \circuit.inner.queue.words[3] ;
  (* hierconn *) wire [35:0] \circuit.inner.queue.words[4] ;
  (* hierconn *) wire [35:0] \circuit.inner.queue.words[5] ;
  (* hierconn *) wire [35:0] \circuit.inner.queue.words[6] ;
  (* hierconn *) wire [35:0] \circuit.inner.queue.words[7] ;
  (* hierconn *) wire [35:0] \circuit.inner.queue.words[8] ;
  (* hierconn *) wire [35:0] \circuit.inner.queue.words[9] ;
  (* hierconn *) wire [35:0] \circuit.inner.queue.words[10] ;
  (* hierconn *) wire [35:0] \circuit.inner.queue.words[11] ;
  (* hierconn *) wire [35:0] \circuit.inner.queue.words[12] ;
  (* hierconn *) wire [35:0] \circuit.inner.queue.words[13] ;
  (* hierconn *) wire [35:0] \circuit.inner.queue.words[14] ;
  (* hierconn *) wire [35:0] \circuit.inner.queue.words[15] ;
  wire [3:0] place = \circuit.inner.taken$q + before;
  wire stored =
      place == 0 & \circuit.inner.queue.words[0] == word
    | place == 1 & \circuit.inner.queue.words[1] == word
    | place == 2 & \circuit.inner.queue.words[2] == word
    | place == 3 & \circuit.inner.queue.words[3] == word
    | place == 4 & \circuit.inner.queue.words[4] == word
    | place == 5 & \circuit.inner.queue.words[5] == word
    | place == 6 & \circuit.inner.queue.words[6] == word
    | place == 7 & \circuit.inner.queue.words[7] == word
    | place == 8 & \circuit.inner.queue.words[8] == word
    | place == 9 & \circuit.inner.queue.words[9] == word
    | place == 10 & \circuit.inner.queue.words[10] == word
    | place == 11 & \circuit.inner.queue.words[11] == word
    | place == 12 & \circuit.inner.queue.words[12] == word
    | place == 13 & \circuit.inner.queue.words[13] == word
    | place == 14 & \circuit.inner.queue.words[14] == word
    | place == 15 & \circuit.inner.queue.words[15] == word;

  wire [6:0] all = on_the_way + waiting;
  reg [6:0] all_before = 0;
  always @(posedge clock) all_before <= all;
  wire [3:0] inside = \circuit.inner.put$q - \circuit.inner.taken$q ;
  wire [4:0] missing = -waiting;
  assign holds = all <= DEPTH & inside == waiting[3:0] & \circuit.inner.missing$q == missing & \circuit.inner.outstanding$q == all
    & output_valid == (waiting != 0) & drained == (all_before == 0) & credit == (all < DEPTH)
    & (~followed | before < waiting & stored & (before != 0 | output_data == word));
  assign reached = followed & before == 12 & on_the_way == 2;
endmodule
