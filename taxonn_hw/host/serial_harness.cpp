// Drives a Verilated top through its serial pins: bytes in, bytes out, a whole stretch in one call.
//
// Compiled with the Vtop.h of one design and with ports.h, which names its pins:
//   TAXONN_CLK, TAXONN_RX, TAXONN_TX, and TAXONN_RST where there is one.
// taxonn_hw/host/serial_model.py is the only caller. The far end of the line keeps its own time,
// in clocks with 32 bits of fraction.

#include <cstdint>

#include "Vtop.h"
#include "ports.h"
#include "verilated.h"
#if VM_TRACE
#include "verilated_vcd_c.h"
#endif

namespace {

constexpr uint64_t kOne = uint64_t(1) << 32;

// What is sent beside bytes (0 to 255).
enum Symbol : uint16_t {
    kBadStop = 0x100,  // or-ed to a byte: its stop bit is low
    kBreak = 0x200,    // the line is low for a byte and a half
    kPause = 0x201,    // the line is idle for a byte and a half
    kGlitch = 0x202,   // the line is low for a quarter of a bit
};

struct Model {
    VerilatedContext context;
    Vtop top{&context};
    uint64_t cycles = 0;
    uint64_t now = 0;       // cycles << 32
    uint64_t bit = 8 * kOne;
    // sending: the line shows bits[0] until `change`
    uint32_t bits = 1;
    int bits_left = 0;
    uint64_t change = 0;
    uint64_t bit_time = 8 * kOne;
    // receiving
    int place = -1;         // -1: idle; else bits that were read
    uint64_t sample = 0;
    uint32_t shift = 0;
    uint64_t bad_stops = 0;
#if VM_TRACE
    VerilatedVcdC trace;
#endif

    void eval(int clk) {
        top.TAXONN_CLK = clk;
        top.eval();
#if VM_TRACE
        if (trace.isOpen()) trace.dump(context.time());
#endif
        context.timeInc(1);
    }

    void begin(uint32_t pattern, int length, uint64_t time) {
        bits = pattern;
        bits_left = length;
        bit_time = time;
        change = (change + kOne > now ? change : now) + time;  // back to back, to the fraction
    }

    void start(uint16_t symbol) {
        if (symbol == kBreak) begin(0x6000, 15, bit);         // 13 low, 2 high
        else if (symbol == kPause) begin(0x7FFF, 15, bit);
        else if (symbol == kGlitch) begin(6, 3, bit / 4);
        else {
            const uint32_t stop = symbol & kBadStop ? 0x400 : 0x600;  // then one bit high
            begin((symbol & 0xFF) << 1 | stop, symbol & kBadStop ? 11 : 10, bit);
        }
    }

    // Advance the sender to `now`; true when it is free.
    bool send() {
        while (bits_left && now >= change) {
            bits >>= 1;
            --bits_left;
            if (bits_left) change += bit_time;
        }
        if (!bits_left) bits = 1;
        return !bits_left;
    }

    // Look at the device's line; returns a byte or -1.
    int receive(bool level) {
        if (place < 0) {
            if (level) return -1;
            place = 0;
            sample = now + bit / 2;
            return -1;
        }
        if (now < sample) return -1;
        sample += bit;
        if (place == 0 && level) {  // no start bit after all
            place = -1;
            return -1;
        }
        if (place == 10) {          // after a bad stop bit: wait for the line to go high
            if (level) place = -1;
            return -1;
        }
        if (place < 9) {
            shift = shift >> 1 | uint32_t(level) << 8;
            ++place;
            return -1;
        }
        place = level ? -1 : 10;
        if (!level) ++bad_stops;
        return level ? int(shift >> 1 & 0xFF) : -1;
    }

    void clock() {
        top.TAXONN_RX = bits & 1;
        eval(0);
        eval(1);
        ++cycles;
        now += kOne;
    }
};

}  // namespace

extern "C" {

Model* serial_new(const char* trace_file) {
    auto* model = new Model;
#if VM_TRACE
    if (trace_file) {
        model->context.traceEverOn(true);
        model->top.trace(&model->trace, 99);
        model->trace.open(trace_file);
    }
#else
    (void)trace_file;
#endif
    model->top.TAXONN_RX = 1;
    return model;
}

void serial_delete(Model* model) {
    model->top.final();
#if VM_TRACE
    model->trace.close();
#endif
    delete model;
}

uint64_t serial_cycles(const Model* model) { return model->cycles; }
uint64_t serial_bad_stops(const Model* model) { return model->bad_stops; }
void serial_bit_time(Model* model, uint64_t time) { model->bit = time; }

// Hold the reset, where there is one, with the line idle.
void serial_reset(Model* model, uint64_t cycles) {
    model->bits_left = 0;
    model->bits = 1;
    model->place = -1;
#ifdef TAXONN_RST
    model->top.TAXONN_RST = 1;
#endif
    while (cycles--) model->clock();
#ifdef TAXONN_RST
    model->top.TAXONN_RST = 0;
#endif
}

// Pass `cycles` clocks: send symbols from in[*sent] on, put bytes into out[*got] on, at most
// `room` of them. With `stop` return at the first byte that comes. Returns the clocks passed.
uint64_t serial_run(Model* model, uint64_t cycles, const uint16_t* in, uint64_t n, uint64_t* sent,
                    uint8_t* out, uint64_t room, uint64_t* got, int stop) {
    Model& m = *model;
    uint64_t passed = 0;
    while (passed < cycles && *got < room) {
        if (m.send() && *sent < n) m.start(in[(*sent)++]);
        m.clock();
        ++passed;
        const int byte = m.receive(m.top.TAXONN_TX & 1);
        if (byte >= 0) {
            out[(*got)++] = uint8_t(byte);
            if (stop) break;
        }
    }
    return passed;
}

}  // extern "C"
