// Montgomery's product, all of it but the multiplications themselves: six multipliers of 18 x 18 bits get the right
// digits, and from their products the circuit computes (p - M*q) / 2^36 modulo 2^36, where M clears the low 36 bits.
//
// The multipliers are taken out of the circuit. What they put out is arbitrary within the bounds of a product, and the
// specification uses the same words.
module proof(
  input clock,
  input [35:0] a, b,
  input [16:0] qh,
  output assumed, holds, reached
);
  wire [35:0] value;
  circuit circuit(.clock, .a, .b, .qh, .value);
  (* hierconn *) wire [17:0] \circuit.inner.p00$a ;
  (* hierconn *) wire [17:0] \circuit.inner.p01$a ;
  (* hierconn *) wire [17:0] \circuit.inner.p10$a ;
  (* hierconn *) wire [17:0] \circuit.inner.p11$a ;
  (* hierconn *) wire [17:0] \circuit.inner.p00$b ;
  (* hierconn *) wire [17:0] \circuit.inner.p01$b ;
  (* hierconn *) wire [17:0] \circuit.inner.p10$b ;
  (* hierconn *) wire [17:0] \circuit.inner.p11$b ;
  (* hierconn *) wire [35:0] \circuit.inner.p00$product ;
  (* hierconn *) wire [35:0] \circuit.inner.p01$product ;
  (* hierconn *) wire [35:0] \circuit.inner.p10$product ;
  (* hierconn *) wire [35:0] \circuit.inner.p11$product ;
  (* hierconn *) wire [17:0] \circuit.inner.first.multiple$a ;
  (* hierconn *) wire [17:0] \circuit.inner.first.multiple$b ;
  (* hierconn *) wire [35:0] \circuit.inner.first.multiple$product ;
  (* hierconn *) wire [17:0] \circuit.inner.second.multiple$a ;
  (* hierconn *) wire [17:0] \circuit.inner.second.multiple$b ;
  (* hierconn *) wire [35:0] \circuit.inner.second.multiple$product ;

  // a = a1*2^18 + a0 with a1 signed, b = b1*2^18 + b0 with b1 < 2^17.
  wire digits_right = \circuit.inner.p00$a == a[17:0] & \circuit.inner.p00$b == b[17:0]
    & \circuit.inner.p01$a == a[17:0] & \circuit.inner.p01$b == b[35:18]
    & \circuit.inner.p10$a == a[35:18] & \circuit.inner.p10$b == b[17:0]
    & \circuit.inner.p11$a == a[35:18] & \circuit.inner.p11$b == b[35:18];
  wire signed [63:0] p00 = {28'd0, \circuit.inner.p00$product };
  wire signed [63:0] p01 = {28'd0, \circuit.inner.p01$product };
  wire signed [63:0] p10 = {{28{\circuit.inner.p10$product [35]}}, \circuit.inner.p10$product };
  wire signed [63:0] p11 = {{28{\circuit.inner.p11$product [35]}}, \circuit.inner.p11$product };
  wire signed [63:0] first_multiple = {28'd0, \circuit.inner.first.multiple$product };
  wire signed [63:0] second_multiple = {28'd0, \circuit.inner.second.multiple$product };
  assign assumed = ~p01[35] & ~first_multiple[35] & ~second_multiple[35];

  // p div 2^18 when the products come; three cycles later the first multiple, four cycles after it the second.
  wire signed [63:0] shifted = (p11 <<< 18) + p10 + p01 + (p00 >>> 18);
  reg signed [63:0] shifted_1, shifted_2, shifted_3;
  wire signed [63:0] once = shifted_3 - first_multiple;
  reg signed [63:0] once_1, once_2, once_3, once_4;
  reg [35:0] twice;
  always @(posedge clock) begin
    {shifted_1, shifted_2, shifted_3} <= {shifted, shifted_1, shifted_2};
    {once_1, once_2, once_3, once_4} <= {once, once_1, once_2, once_3};
    twice <= (once_4 >>> 18) - second_multiple;
  end
  assign holds = digits_right
    & \circuit.inner.first.multiple$a == p00[17:0] & \circuit.inner.first.multiple$b == qh
    & \circuit.inner.second.multiple$a == once_1[17:0] & \circuit.inner.second.multiple$b == qh
    & value == twice;
  assign reached = value[35] & once_4 < 0;
endmodule
