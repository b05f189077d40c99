// Models of the ECP5 cells that Yosys knows only as black boxes, as far as its mappings and
// bitstream/block_registers.py use them: of the cells' registers those of the outputs, without
// reset.  After the Lattice notes on sysMEM and sysDSP, and Yosys' maps.

module MULT18X18D_core #(parameter REGISTERED = 0) (
  input clk, ce, input [17:0] a, b, input signed_a, signed_b, output [35:0] p
);
  wire signed [18:0] x = {signed_a & a[17], a};
  wire signed [18:0] y = {signed_b & b[17], b};
  wire signed [37:0] product = x * y;
  reg [35:0] out = 0;
  always @(posedge clk) if (ce) out <= product[35:0];
  assign p = REGISTERED ? out : product[35:0];
endmodule

// 2,048 bytes of 9 bits.  Narrow words use the lower 8 bits of a byte.  What is read where the other
// port writes in the same clock is undefined on the chip: here it comes out inverted.
module DP16KD_core #(
  parameter WIDTH_A = 18, WIDTH_B = 18, MODE_A = "NORMAL", MODE_B = "NORMAL",
  parameter OUT_A = 0, OUT_B = 0,
  parameter [20479:0] INIT = 0
) (
  input clk_a, ce_a, oce_a, we_a, rst_a, input [13:0] addr_a, input [17:0] di_a, output [17:0] do_a,
  input clk_b, ce_b, oce_b, we_b, rst_b, input [13:0] addr_b, input [17:0] di_b, output [17:0] do_b
);
  reg [8:0] memory [0:2047];
  integer k;
  initial for (k = 0; k < 2048; k = k + 1)
    memory[k] = INIT[(k / 2) * 20 + (k % 2) * 9 +: 9];

  // Bytes of a word, first byte, and bits that a write touches.
  function [35:0] spread(input integer width, input [13:0] addr, input [35:0] data);
    case (width)
      1: spread = {35'd0, data[0]} << addr[2:0];
      2: spread = {34'd0, data[1:0]} << {addr[2:1], 1'b0};
      4: spread = {32'd0, data[3:0]} << {addr[2], 2'b00};
      default: spread = data;
    endcase
  endfunction
  function [35:0] mask(input integer width, input [13:0] addr);
    case (width)
      1: mask = 36'h1 << addr[2:0];
      2: mask = 36'h3 << {addr[2:1], 1'b0};
      4: mask = 36'hf << {addr[2], 2'b00};
      9: mask = 36'h1ff;
      18: mask = {18'd0, {9{addr[1]}}, {9{addr[0]}}};
      default: mask = {{9{addr[3]}}, {9{addr[2]}}, {9{addr[1]}}, {9{addr[0]}}};
    endcase
  endfunction
  function [10:0] first(input integer width, input [13:0] addr);
    first = width == 36 ? {addr[13:5], 2'b00} : width == 18 ? {addr[13:4], 1'b0} : addr[13:3];
  endfunction
  function [35:0] gather(input integer width, input [13:0] addr, input [35:0] word);
    case (width)
      1: gather = word[7:0] >> addr[2:0] & 36'h1;
      2: gather = word[7:0] >> {addr[2:1], 1'b0} & 36'h3;
      4: gather = word[7:0] >> {addr[2], 2'b00} & 36'hf;
      9: gather = {27'd0, word[8:0]};
      18: gather = {18'd0, word[17:0]};
      default: gather = word;
    endcase
  endfunction

  // A word of 36 bits takes both data ports: A writes it, B reads it.
  wire [10:0] at_a = first(WIDTH_A, addr_a), at_b = first(WIDTH_B, addr_b);
  wire [35:0] in_a = WIDTH_A == 36 ? {di_b, di_a} : {18'd0, di_a};
  wire [35:0] touch_a = we_a & ce_a & ~rst_a ? mask(WIDTH_A, addr_a) : 36'd0;
  wire [35:0] touch_b = we_b & ce_b & ~rst_b ? mask(WIDTH_B, addr_b) : 36'd0;
  wire [35:0] put_a = spread(WIDTH_A, addr_a, in_a), put_b = spread(WIDTH_B, addr_b, {18'd0, di_b});
  wire [35:0] old_a = {memory[at_a | 3], memory[at_a | 2], memory[at_a | 1], memory[at_a]};
  wire [35:0] old_b = {memory[at_b | 3], memory[at_b | 2], memory[at_b | 1], memory[at_b]};
  wire [35:0] new_a = old_a & ~touch_a | put_a & touch_a, new_b = old_b & ~touch_b | put_b & touch_b;
  localparam N_A = WIDTH_A == 36 ? 4 : WIDTH_A == 18 ? 2 : 1;
  localparam N_B = WIDTH_B == 36 ? 4 : WIDTH_B == 18 ? 2 : 1;
  wire meet = at_a < at_b + N_B & at_b < at_a + N_A;
  wire [35:0] seen_a = meet & |touch_b ? ~old_a : MODE_A == "WRITETHROUGH" ? new_a : old_a;
  wire [35:0] seen_b = meet & |touch_a ? ~old_b : MODE_B == "WRITETHROUGH" ? new_b : old_b;

  reg [35:0] out_a = 0, out_b = 0;
  always @(posedge clk_a) begin
    if (|touch_a[8:0]) memory[at_a] <= new_a[8:0];
    if (|touch_a[17:9]) memory[at_a | 1] <= new_a[17:9];
    if (|touch_a[26:18]) memory[at_a | 2] <= new_a[26:18];
    if (|touch_a[35:27]) memory[at_a | 3] <= new_a[35:27];
    if (rst_a) out_a <= 0;
    else if (ce_a & ~(we_a & MODE_A == "NORMAL")) out_a <= gather(WIDTH_A, addr_a, seen_a);
  end
  always @(posedge clk_b) begin
    if (|touch_b[8:0]) memory[at_b] <= new_b[8:0];
    if (|touch_b[17:9]) memory[at_b | 1] <= new_b[17:9];
    if (rst_b) out_b <= 0;
    else if (ce_b & ~(we_b & MODE_B == "NORMAL")) out_b <= gather(WIDTH_B, addr_b, seen_b);
  end
  reg [35:0] late_a = 0, late_b = 0;
  always @(posedge clk_a) if (oce_a) late_a <= out_a;
  always @(posedge clk_b) if (oce_b) late_b <= out_b;
  wire [35:0] show_a = OUT_A ? late_a : out_a, show_b = OUT_B ? late_b : out_b;
  assign do_a = WIDTH_B == 36 ? show_b[17:0] : show_a[17:0];
  assign do_b = WIDTH_B == 36 ? show_b[35:18] : show_b[17:0];
endmodule
