// Drives a Verilated top from C++: clock, register bus and streams, a whole job in one call.
//
// Compiled with the Vtop.h of one design and with ports.h, which lists its streams as
//   TAXONN_INPUTS(X)   X(0, i_samples___05F) X(1, ...)     and TAXONN_INPUTS_N, their number,
//   TAXONN_OUTPUTS(X)  likewise,
// so that every access to a port is resolved at compile time. taxonn_hw/host/compiled.py is the
// only caller. A clock is: drive inputs with clk = 0, settle, sample, then clk = 1.

#include <cstdint>

#include "Vtop.h"
#include "ports.h"
#include "verilated.h"
#if VM_TRACE
#include "verilated_vcd_c.h"
#endif

namespace {

struct Model {
    VerilatedContext context;
    Vtop top{&context};
    uint64_t cycles = 0;
    uint64_t random = 1;
    bool presenting[TAXONN_INPUTS_N + 1] = {};  // a beat is offered and must be held
#if VM_TRACE
    VerilatedVcdC trace;
#endif

    void eval(int clk) {
        top.clk = clk;
        top.eval();
#if VM_TRACE
        if (trace.isOpen()) trace.dump(context.time());
#endif
        context.timeInc(1);
    }

    void settle() { eval(0); }

    void tick() {
        eval(1);
        ++cycles;
    }

    void step() {
        settle();
        tick();
    }

    // True with probability threshold / 2^32 (xorshift64*).
    bool stall(uint32_t threshold) {
        if (!threshold) return false;
        random ^= random >> 12;
        random ^= random << 25;
        random ^= random >> 27;
        return uint32_t((random * 0x2545F4914F6CDD1DULL) >> 32) < threshold;
    }

    void quiet() {
#define X(k, port) top.port##valid = 0;
        TAXONN_INPUTS(X)
#undef X
#define X(k, port) top.port##ready = 0;
        TAXONN_OUTPUTS(X)
#undef X
        for (bool& offered : presenting) offered = false;
    }

    void write(uint32_t addr, uint32_t value) {
        top.csr___05Faddr = addr;
        top.csr___05Fw_data = value;
        top.csr___05Fw_stb = 1;
        step();
        top.csr___05Fw_stb = 0;
    }

    uint32_t read(uint32_t addr) {
        top.csr___05Faddr = addr;
        top.csr___05Fr_stb = 1;
        step();
        top.csr___05Fr_stb = 0;
        settle();
        const uint32_t value = top.csr___05Fr_data;
        tick();
        return value;
    }
};

// Number of 32-bit words that a beat takes in the caller's arrays.
template <class T>
constexpr uint64_t words_of(const T&) {
    return sizeof(T) <= 4 ? 1 : sizeof(T) / 4;
}

template <class T>
void put(T& port, const uint32_t* words) {
    if constexpr (sizeof(T) <= 4) port = static_cast<T>(words[0]);
    else port = static_cast<T>(words[0] | uint64_t(words[1]) << 32);
}

template <std::size_t N>
void put(VlWide<N>& port, const uint32_t* words) {
    for (std::size_t i = 0; i < N; ++i) port[i] = words[i];
}

template <class T>
void get(const T& port, uint32_t* words) {
    words[0] = static_cast<uint32_t>(port);
    if constexpr (sizeof(T) > 4) words[1] = static_cast<uint32_t>(port >> 32);
}

template <std::size_t N>
void get(const VlWide<N>& port, uint32_t* words) {
    for (std::size_t i = 0; i < N; ++i) words[i] = port[i];
}

}  // namespace

extern "C" {

Model* taxonn_new(const char* trace_file) {
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
    model->quiet();
    return model;
}

void taxonn_delete(Model* model) {
    model->top.final();
#if VM_TRACE
    model->trace.close();
#endif
    delete model;
}

uint64_t taxonn_cycles(const Model* model) { return model->cycles; }

void taxonn_seed(Model* model, uint64_t seed) {
    model->random = seed * 0x9E3779B97F4A7C15ULL | 1;  // never 0, where xorshift stays for ever
}

void taxonn_quiet(Model* model) { model->quiet(); }

void taxonn_step(Model* model, uint64_t cycles, int rst) {
    model->top.rst = rst;
    while (cycles--) model->step();
    model->top.rst = 0;
}

void taxonn_write(Model* model, uint32_t addr, uint32_t value) { model->write(addr, value); }

uint32_t taxonn_read(Model* model, uint32_t addr) { return model->read(addr); }

// Run until every beat of `feed` went in and every beat of `drain` came out, at most max_cycles.
// fed and drained count the beats done; a call that returned 0 is continued by the same call.
// Returns 1 when all is done.
int taxonn_run(Model* model, uint64_t max_cycles, const uint32_t* const* feed,
               const uint64_t* feed_n, uint64_t* fed, uint32_t* const* drain,
               const uint64_t* drain_n, uint64_t* drained, uint32_t stall_in,
               uint32_t stall_out) {
    Model& m = *model;
    Vtop& top = m.top;
    for (;; --max_cycles) {
        bool pending = false;
#define X(k, port) pending |= fed[k] < feed_n[k];
        TAXONN_INPUTS(X)
#undef X
#define X(k, port) pending |= drained[k] < drain_n[k];
        TAXONN_OUTPUTS(X)
#undef X
        if (!pending) m.quiet();
        if (!pending || !max_cycles) return !pending;

#define X(k, port)                                                                \
    if (!m.presenting[k] && fed[k] < feed_n[k] && !m.stall(stall_in)) {           \
        m.presenting[k] = true;                                                   \
        put(top.port##payload, feed[k] + fed[k] * words_of(top.port##payload));   \
    }                                                                             \
    top.port##valid = m.presenting[k];
        TAXONN_INPUTS(X)
#undef X
#define X(k, port) top.port##ready = drained[k] < drain_n[k] && !m.stall(stall_out);
        TAXONN_OUTPUTS(X)
#undef X
        m.settle();
#define X(k, port)                             \
    if (m.presenting[k] && top.port##ready) {  \
        m.presenting[k] = false;               \
        ++fed[k];                              \
    }
        TAXONN_INPUTS(X)
#undef X
#define X(k, port)                                                                      \
    if (top.port##ready && top.port##valid) {                                           \
        get(top.port##payload, drain[k] + drained[k] * words_of(top.port##payload));    \
        ++drained[k];                                                                   \
    }
        TAXONN_OUTPUTS(X)
#undef X
        m.tick();
    }
}

// Read a register every `interval` clocks until (value & mask) == want. Returns 1 when it is;
// *last is the value read last.
int taxonn_until(Model* model, uint32_t addr, uint32_t mask, uint32_t want, uint64_t max_cycles,
                 uint64_t interval, uint32_t* last) {
    const uint64_t end = model->cycles + max_cycles;
    for (;;) {
        *last = model->read(addr);
        if ((*last & mask) == want) return 1;
        if (model->cycles >= end) return 0;
        for (uint64_t k = 2; k < interval && model->cycles < end; ++k) model->step();
    }
}

}  // extern "C"
