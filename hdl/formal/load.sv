// The words of LD: residues pass when they are below q, weights become residues, for every q.
module proof(
  input clock, valid, weights, flush,
  input [35:0] word,
  input [16:0] qh,
  output assumed, holds, reached
);
  wire valid_out, bad;
  wire [35:0] word_out;
  circuit circuit(.clock, .valid, .word, .weights, .qh, .flush, .valid_out, .word_out, .bad);

  // What entered one and two cycles ago.
  reg valid_1, valid_2, weights_1, weights_2;
  reg [35:0] word_1, word_2;
  reg [16:0] qh_1, qh_2;
  always @(posedge clock) begin
    valid_1 <= valid & ~flush;
    valid_2 <= valid_1 & ~flush;
    {weights_1, weights_2} <= {weights, weights_1};
    {word_1, word_2} <= {word, word_1};
    {qh_1, qh_2} <= {qh, qh_1};
  end
  assign assumed = qh != 0 & qh == qh_1 & qh == qh_2 & weights == weights_1 & weights == weights_2;

  wire [35:0] q = {qh, 18'd1};
  wire [35:0] weight = {{28{word_2[7]}}, word_2[7:0]};
  wire [35:0] residue = ~weights ? word_2 : word_2[7] ? q + weight : weight;
  wire good = weights | word_2 < q;
  assign holds = valid_out == (valid_2 & good & ~flush)
    & bad == (valid_2 & ~good & ~flush)
    & (~valid_out | word_out == residue);
  assign reached = valid_out & weights & word_2[7];
endmodule
