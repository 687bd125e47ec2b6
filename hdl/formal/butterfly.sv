// The butterfly around its product: sum, difference and halves are right and canonical, for every q and every product t
// within its bounds, and the words of one pair meet.
//
// Montgomery's product is taken out of the circuit; `product` is what it puts out, before it is reduced modulo 2^36.
module proof #(parameter INVERSE = 0)(
  input clock,
  input [35:0] x, y, w,
  input [16:0] qh,
  input signed [37:0] product,
  output assumed, holds, reached
);
  localparam BEFORE = 12, AFTER = 6;
  wire [35:0] sum, difference;
  circuit circuit(.clock, .x, .y, .w, .qh, .inverse(INVERSE != 0), .sum, .difference);
  (* hierconn *) wire [35:0] \circuit.inner.product$a ;
  (* hierconn *) wire [35:0] \circuit.inner.product$b ;
  (* hierconn *) wire [16:0] \circuit.inner.product$qh ;
  (* hierconn *) wire [35:0] \circuit.inner.product$value ;

  reg [36*(BEFORE+AFTER)-1:0] x_line, y_line;
  reg [38*AFTER-1:0] product_line;
  reg [35:0] x_before, y_before, w_before;
  reg [16:0] qh_before;
  always @(posedge clock) begin
    x_line <= {x_line, x};
    y_line <= {y_line, y};
    product_line <= {product_line, product};
    {x_before, y_before, w_before, qh_before} <= {x, y, w, qh};
  end
  wire signed [37:0] q = {3'b0, qh, 18'd1};
  wire signed [37:0] low_bound = INVERSE ? -q - (q >>> 1) : -q;
  assign assumed = qh != 0 & qh == qh_before & product[35:0] == \circuit.inner.product$value
    & product > low_bound & product <= (q >>> 1);

  wire [35:0] x_then = x_line[36*(BEFORE+AFTER)-1 -: 36];
  wire [35:0] y_then = y_line[36*(BEFORE+AFTER)-1 -: 36];
  wire signed [37:0] product_then = product_line[38*AFTER-1 -: 38];
  wire [37:0] t = product_then < 0 ? product_then + q : product_then;
  wire [37:0] total = x_then + (INVERSE ? y_then : t);

  // (v + q)/2 for odd v, v/2 for even v, below q for v < q; one q less for v between q and 2q.
  function [37:0] halved(input [37:0] v);
    reg [37:0] half;
    begin
      half = (v[0] ? v + q : v) >> 1;
      halved = half >= q ? half - q : half;
    end
  endfunction
  wire [37:0] t_reduced = t[37] ? t + q : t;
  wire sum_right = INVERSE ? x_then >= q | y_then >= q | sum == halved(total)
    : total >= 2 * q | sum == (total >= q ? total - q : total);
  wire difference_right = INVERSE ? difference == halved(t_reduced)
    : x_then >= q | difference == (x_then < t ? x_then - t + q : x_then - t);
  wire factors_right = \circuit.inner.product$a == (INVERSE ? y_before - x_before : y_before)
    & \circuit.inner.product$b == w_before & \circuit.inner.product$qh == qh;
  assign holds = factors_right & sum_right & difference_right;
  assign reached = sum > difference & x_then < q & y_then < q & total < 2 * q & product_then < 0;
endmodule
