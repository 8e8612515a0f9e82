// What the driver of the benchmark and its contestants say to each other, line by line, over a contestant's standard
// input and output (README.md), and what contestants written in C++ share: inputs, the error, the loop that answers.
#pragma once

#include <sys/mman.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <functional>
#include <iostream>
#include <memory>
#include <new>
#include <numbers>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace bench {

using Index = std::int64_t;

// What is to be computed. Of attention: `batch` segments, each with `queries` and `slots` of its own.
struct Case {
    std::string kind = "attend";  // attend, memn2n, kvmemnn, encoder
    Index batch = 1, heads = 1, queries = 1, slots = 1, width = 1;
    Index causal = 0, backward = 0, bf16 = 0;  // 0 or 1
    Index threads = 1;

    template <class Field>
    void each(Field&& field) {
        field("batch", batch), field("heads", heads), field("queries", queries), field("slots", slots);
        field("width", width), field("causal", causal), field("backward", backward), field("bf16", bf16);
        field("threads", threads);
    }
};

inline std::string to_line(Case c) {
    std::ostringstream line;
    line << "case kind=" << c.kind;
    c.each([&](const char* name, Index value) { line << ' ' << name << '=' << value; });
    return line.str();
}

inline Case to_case(std::istream& words) {
    Case c;
    for (std::string word; words >> word;) {
        const std::size_t equals = std::min(word.find('='), word.size() - 1);
        const std::string name = word.substr(0, equals), text = word.substr(equals + 1);
        if (name == "kind") c.kind = text;
        c.each([&](const char* field, Index& value) {
            if (name == field) value = std::stoll(text);
        });
    }
    return c;
}

// Mulberry32 (Ettinger 2017): the i-th number of the stream. In 32 bits, so that it is soon written in any language.
inline std::uint32_t random_bits(std::uint32_t stream, std::uint32_t i) {
    std::uint32_t t = stream * 0x9E3779B9u + (i + 1) * 0x6D2B79F5u;
    t = (t ^ (t >> 15)) * (t | 1);
    t ^= t + (t ^ (t >> 7)) * (t | 61);
    return t ^ (t >> 14);
}
inline double random_uniform(std::uint32_t stream, Index i) {
    return random_bits(stream, static_cast<std::uint32_t>(i)) / 4294967296.0;
}

// Numbers on huge pages where they are many: without them, reading a large memory measures the page tables.
template <class T>
class Numbers {
  public:
    Numbers() = default;
    explicit Numbers(Index size) : size_(size) {
        const std::size_t huge = std::size_t{1} << 21, bytes = static_cast<std::size_t>(size) * sizeof(T);
        const std::size_t alignment = bytes >= huge ? huge : 64;
        const std::size_t rounded = std::max<std::size_t>((bytes + alignment - 1) / alignment, 1) * alignment;
        data_.reset(static_cast<T*>(std::aligned_alloc(alignment, rounded)));
        if (!data_) throw std::bad_alloc();
        if (alignment == huge) madvise(data_.get(), rounded, MADV_HUGEPAGE);
        std::fill_n(data_.get(), size, T{});
    }
    T* data() const { return data_.get(); }
    Index size() const { return size_; }
    T& operator[](Index i) const { return data_.get()[i]; }

  private:
    struct Free {
        void operator()(T* p) const { std::free(p); }
    };
    std::unique_ptr<T[], Free> data_;
    Index size_ = 0;
};
using Floats = Numbers<float>;

// Normal numbers with this standard deviation: number i is entry random_bits(stream, i) / 2^16 of a table of 2^16
// that Box and Muller's method makes from stream 0.
inline void fill_normal(float* out, Index size, std::uint32_t stream, double deviation = 1) {
    std::vector<float> table(1 << 16);
    for (Index i = 0; i < 1 << 16; ++i) {
        const double u = (random_bits(0, static_cast<std::uint32_t>(2 * i)) + 0.5) / 4294967296.0;
        const double normal =
            std::sqrt(-2 * std::log(u)) * std::cos(2 * std::numbers::pi * random_uniform(0, 2 * i + 1));
        table[static_cast<std::size_t>(i)] = static_cast<float>(deviation * static_cast<float>(normal));
    }
    for (Index i = 0; i < size; ++i) out[i] = table[random_bits(stream, static_cast<std::uint32_t>(i)) >> 16];
}

inline Floats normal_floats(Index size, std::uint32_t stream, double deviation = 1) {
    Floats out(size);
    fill_normal(out.data(), size, stream, deviation);
    return out;
}

// Where number i of [batch * rows, heads * width], kvmem's order, lies in [batch, heads, rows, width].
inline Index heads_first(Index i, Index heads, Index rows, Index width) {
    const Index row = i / (heads * width), column = i % (heads * width);
    return ((row / rows * heads + column / width) * rows + row % rows) * width + column % width;
}

// The inputs of attention, in kvmem's order or with the heads first.
struct Inputs {
    Floats query, key, value, grad_read;

    explicit Inputs(const Case& c, bool with_heads_first)
        : query(make(c, c.queries, 1, with_heads_first)),
          key(make(c, c.slots, 2, with_heads_first)),
          value(make(c, c.slots, 3, with_heads_first)),
          grad_read(c.backward ? make(c, c.queries, 4, with_heads_first) : Floats()) {}

  private:
    static Floats make(const Case& c, Index rows, std::uint32_t stream, bool with_heads_first) {
        Floats in = normal_floats(c.batch * c.heads * rows * c.width, stream);
        if (!with_heads_first || c.heads == 1) return in;
        Floats out(in.size());
        for (Index i = 0; i < in.size(); ++i) out[heads_first(i, c.heads, rows, c.width)] = in[i];
        return out;
    }
};

inline double scale_of(const Case& c) { return 1 / std::sqrt(static_cast<double>(c.width)); }

// One way of computing a case, ready to run.
class Task {
  public:
    virtual ~Task() = default;
    virtual void run() = 0;
    // Number i, in kvmem's order, of the read (0) or of the gradient of query (1), key (2), value (3).
    virtual float at(int output, Index i) const;
    // Of the last training step.
    virtual double loss() const;
};
inline float Task::at(int, Index) const { throw std::logic_error("no outputs"); }
inline double Task::loss() const { throw std::logic_error("no loss"); }

// Against a file of lines "output index value": the largest difference of an output over its largest number.
inline double relative_error(const Task& task, const std::string& file) {
    double difference[4] = {}, largest[4] = {};
    std::ifstream lines(file);
    int output = 0;
    double value = 0;
    for (Index i = 0; lines >> output >> i >> value;) {
        const double d = std::abs(static_cast<double>(task.at(output, i)) - value);
        if (!(d <= difference[output])) difference[output] = d;  // NaN stays
        largest[output] = std::max(largest[output], std::abs(value));
    }
    if (largest[0] == 0) throw std::runtime_error("no oracle in " + file);
    double worst = 0;
    for (int o = 0; o < 4; ++o)
        if (largest[o] > 0 && !(difference[o] / largest[o] <= worst)) worst = difference[o] / largest[o];
    return worst;
}

// Bytes of a field of /proc/self/status: VmRSS, or VmHWM, its largest value since `5` was written to clear_refs.
inline Index memory_status(const std::string& field) {
    std::ifstream lines("/proc/self/status");
    for (std::string line; std::getline(lines, line);)
        if (line.rfind(field + ":", 0) == 0) return std::stoll(line.substr(field.size() + 1)) * 1024;
    return 0;
}
inline Index peak_memory_of(Task& task) {
    std::ofstream("/proc/self/clear_refs") << 5 << std::flush;
    const Index before = memory_status("VmRSS");
    task.run();
    return memory_status("VmHWM") - before;
}

struct Contestant {
    std::string name, version;
    std::function<std::vector<std::string>(const Case&)> variants;  // ways of computing it, none if it cannot
    std::function<std::unique_ptr<Task>(const Case&, const std::string& variant)> make;
};

// Answers until the input ends.
inline int serve(const Contestant& contestant) {
    using Clock = std::chrono::steady_clock;
    std::cout.precision(9);
    std::cout << "hello " << contestant.name << ' ' << contestant.version << std::endl;
    std::unique_ptr<Task> task;
    Case c;
    for (std::string line; std::getline(std::cin, line);) try {
            std::istringstream words(line);
            std::string command, argument;
            words >> command;
            if (command == "case") {
                c = to_case(words);
                std::cout << "variants";
                for (const std::string& variant : contestant.variants(c)) std::cout << ' ' << variant;
            } else if (words >> argument; command == "variant") {
                task = contestant.make(c, argument);
                std::cout << "ready";
            } else if (!task) {
                std::cout << "failed: no variant was chosen";
            } else if (command == "go") {
                std::cout << "ns";
                for (Index runs = std::stoll(argument); runs > 0; --runs) {
                    const Clock::time_point start = Clock::now();
                    task->run();
                    std::cout << ' ' << std::chrono::nanoseconds(Clock::now() - start).count();
                }
            } else if (command == "error") {
                std::cout << "error " << relative_error(*task, argument);
            } else if (command == "loss") {
                std::cout << "loss " << task->loss();
            } else if (command == "memory") {
                std::cout << "memory " << peak_memory_of(*task);
            } else {
                std::cout << "failed: unknown command " << command;
            }
            std::cout << std::endl;
        } catch (const std::exception& e) {
            std::string what = e.what();
            std::cout << "failed: " << what.substr(0, what.find('\n')) << std::endl;
        }
    return 0;
}

}  // namespace bench
