// What host/harness.cpp uses of Verilator, for a design that CXXRTL has made.

#pragma once
#include <cstddef>
#include <cstdint>

#define VM_TRACE 0

struct VerilatedContext {
    void timeInc(uint64_t) {}
    uint64_t time() const { return 0; }
};

template <std::size_t N>
struct VlWide {
    uint32_t words[N] = {};
    uint32_t& operator[](std::size_t i) { return words[i]; }
    const uint32_t& operator[](std::size_t i) const { return words[i]; }
};

// Between a port of Vtop and one of CXXRTL, which keeps words of 32 bits.
template <class T>
void to_words(const T& port, uint32_t* words, std::size_t n) {
    words[0] = uint32_t(port);
    if (n > 1) words[1] = uint32_t(uint64_t(port) >> 32);
}

template <std::size_t N>
void to_words(const VlWide<N>& port, uint32_t* words, std::size_t n) {
    for (std::size_t i = 0; i < n; ++i) words[i] = port[i];
}

template <class T>
void from_words(T& port, const uint32_t* words, std::size_t n) {
    port = T(n > 1 ? words[0] | uint64_t(words[1]) << 32 : words[0]);
}

template <std::size_t N>
void from_words(VlWide<N>& port, const uint32_t* words, std::size_t n) {
    for (std::size_t i = 0; i < n; ++i) port[i] = words[i];
}
