"""cocotb benches on the generated Verilog; :mod:`taxonn_hw.flow.cocotb_runner` runs them."""
