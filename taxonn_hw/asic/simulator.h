// Runs a flat netlist of truth tables, flip-flops and memories, and counts toggles.
//
// It looks like a Verilated model to host/harness.cpp.  The netlist is 32-bit words:
//   nets, tables, flip-flops, memories (their numbers),
//   a table:     out, low and high half of its bits, six nets; tables in order of evaluation
//   a flip-flop: the same, for its next state
//   a memory:    width, size, reads, writes; each read: address bits, nets, enable, data nets;
//                each write: address bits, nets, enables, data nets; a word a bit of contents
// Nets 0 and 1 are constants.  Zero delay: a net changes at most once with its tables and once
// with the clock, so glitches are not counted.

#pragma once
#include <cstdint>
#include <cstring>
#include <utility>
#include <vector>

struct Simulator {
    struct Table {
        uint32_t out, low, high, in[6];
    };
    struct Port {
        std::vector<uint32_t> address, enable, data;
    };
    struct Memory {
        uint32_t width = 0, size = 0;
        std::vector<Port> reads, writes;
        std::vector<uint8_t> words;
    };

    std::vector<uint8_t> value;
    std::vector<uint32_t> first, readers;  // tables and flip-flops that read a net
    std::vector<uint64_t> stale;           // a bit for each of them: an input has changed
    std::vector<std::pair<uint32_t, uint8_t>> changes;
    std::vector<uint32_t> toggles, ones;
    const Table *tables = nullptr, *flops = nullptr;
    uint32_t n_tables = 0, n_flops = 0;
    std::vector<Memory> memories;
    uint32_t was_clock = 0;
    uint64_t clocks = 0;
    bool counting = false;

    explicit Simulator(const uint32_t* words) {
        value.resize(words[0]);
        toggles.resize(words[0]);
        ones.resize(words[0]);
        value[1] = 1;
        n_tables = words[1];
        n_flops = words[2];
        memories.resize(words[3]);
        tables = reinterpret_cast<const Table*>(words + 4);
        flops = tables + n_tables;
        find_readers();
        words = reinterpret_cast<const uint32_t*>(flops + n_flops);
        for (Memory& memory : memories) {
            memory.width = *words++;
            memory.size = *words++;
            memory.reads.resize(*words++);
            memory.writes.resize(*words++);
            for (Port& port : memory.reads) words = take(port, words, 1, memory.width);
            for (Port& port : memory.writes) words = take(port, words, memory.width, memory.width);
            memory.words.assign(words, words + std::size_t(memory.width) * memory.size);
            words += std::size_t(memory.width) * memory.size;
        }
    }

    // Flip-flops follow the tables in the same array.
    void find_readers() {
        const uint32_t n = n_tables + n_flops;
        first.assign(value.size() + 1, 0);
        for (uint32_t k = 0; k < n; ++k)
            for (uint32_t net : tables[k].in) ++first[net + 1];
        for (std::size_t net = 0; net < value.size(); ++net) first[net + 1] += first[net];
        readers.resize(first.back());
        std::vector<uint32_t> at(first.begin(), first.end() - 1);
        for (uint32_t k = 0; k < n; ++k)
            for (uint32_t net : tables[k].in) readers[at[net]++] = k;
        stale.assign(n / 64 + 1, 0);
        for (uint32_t k = 0; k < n; ++k) stale[k / 64] |= uint64_t(1) << k % 64;
    }

    static const uint32_t* take(Port& port, const uint32_t* words, uint32_t enables,
                                uint32_t width) {
        const uint32_t bits = *words++;
        port.address.assign(words, words + bits);
        words += bits;
        port.enable.assign(words, words + enables);
        words += enables;
        port.data.assign(words, words + width);
        return words + width;
    }

    void set(uint32_t net, uint8_t bit) {
        if (value[net] == bit) return;
        value[net] = bit;
        ++toggles[net];
        for (uint32_t k = first[net]; k < first[net + 1]; ++k)
            stale[readers[k] / 64] |= uint64_t(1) << readers[k] % 64;
    }

    // Call f for every stale table or flip-flop from `begin` to `end` - 1, in order: one that
    // becomes stale on the way lies further on.
    template <class F>
    void refresh(uint32_t begin, uint32_t end, F f) {
        for (uint32_t word = begin / 64; word * 64 < end; ++word) {
            for (;;) {
                uint64_t mine = stale[word];
                if (begin > word * 64) mine &= ~uint64_t(0) << begin % 64;
                if (end < (word + 1) * 64) mine &= ~(~uint64_t(0) << end % 64);
                if (!mine) break;
                const uint32_t bit = __builtin_ctzll(mine);
                stale[word] &= ~(uint64_t(1) << bit);
                f(tables[word * 64 + bit]);
            }
        }
    }

    uint8_t look_up(const Table& t) const {
        const uint32_t k = value[t.in[0]] | value[t.in[1]] << 1 | value[t.in[2]] << 2 |
                           value[t.in[3]] << 3 | value[t.in[4]] << 4 | value[t.in[5]] << 5;
        return (k < 32 ? t.low >> k : t.high >> (k - 32)) & 1;
    }

    std::size_t row(const Memory& memory, const Port& port) const {
        std::size_t row = 0;
        for (std::size_t k = 0; k < port.address.size(); ++k)
            row |= std::size_t(value[port.address[k]]) << k;
        return row < memory.size ? row * memory.width : memory.words.size();
    }

    // A settled cycle ends: what the flip-flops and memories have at their inputs is taken.
    void edge() {
        changes.clear();
        for (Memory& memory : memories) {
            for (const Port& port : memory.reads) {
                if (!value[port.enable[0]]) continue;
                const std::size_t at = row(memory, port);
                const bool inside = at < memory.words.size();
                for (uint32_t k = 0; k < memory.width; ++k)
                    changes.emplace_back(port.data[k], inside ? memory.words[at + k] : 0);
            }
            for (const Port& port : memory.writes) {
                const std::size_t at = row(memory, port);
                if (at >= memory.words.size()) continue;
                for (uint32_t k = 0; k < memory.width; ++k)
                    if (value[port.enable[k]]) memory.words[at + k] = value[port.data[k]];
            }
        }
        refresh(n_tables, n_tables + n_flops,
                [this](const Table& t) { changes.emplace_back(t.out, look_up(t)); });
        for (const auto& [net, bit] : changes)
            if (net > 1) set(net, bit);
    }

    void settle() {
        refresh(0, n_tables, [this](const Table& t) { set(t.out, look_up(t)); });
    }

    // With a rising clock the registers; what depends on them settles with the next low clock.
    void eval(uint32_t clock) {
        if (clock && !was_clock) {
            if (counting) {
                ++clocks;
                for (std::size_t k = 0; k < value.size(); ++k) ones[k] += value[k];
            }
            edge();
        } else if (!clock) {
            settle();
        }
        was_clock = clock;
    }

    void count(bool on) {
        counting = on;
        if (!on) return;
        clocks = 0;
        toggles.assign(toggles.size(), 0);
        ones.assign(ones.size(), 0);
    }
};
