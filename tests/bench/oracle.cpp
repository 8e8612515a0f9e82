#include "oracle.hpp"

#include <cstdio>

namespace bench {

namespace {

using Row = std::vector<double>;

// At most `most` numbers of [0, count), spread over them, the ends among them.
std::vector<Index> some_of(Index count, Index most) {
    std::vector<Index> all;
    const Index n = std::min(count, most);
    for (Index i = 0; i < n; ++i) all.push_back(n == 1 ? 0 : i * (count - 1) / (n - 1));
    return all;
}

// One segment seen by one head.
class Part {
  public:
    Part(const Case& c, const Inputs& in, Index batch, Index head) : c_(c), in_(in), batch_(batch), head_(head) {}

    Row weights(Index q) const {
        const Index readable = c_.causal ? q + 1 + c_.slots - c_.queries : c_.slots;
        Row p(static_cast<std::size_t>(c_.slots), 0);
        double most = -1e300, sum = 0;
        for (Index s = 0; s < readable; ++s) {
            p[at(s)] = scale_of(c_) * dot(query(q), key(s));
            most = std::max(most, p[at(s)]);
        }
        for (Index s = 0; s < readable; ++s) sum += p[at(s)] = std::exp(p[at(s)] - most);
        for (double& x : p) x /= sum;
        return p;
    }

    Row read(const Row& p) const {
        Row out(at(c_.width), 0);
        for (Index s = 0; s < c_.slots; ++s) add(p[at(s)], value(s), out);
        return out;
    }

    // The gradient of the scaled scores: p (g . v - sum of p (g . v)).
    Row score_gradient(Index q, const Row& p) const {
        Row g(p.size());
        double mean = 0;
        for (Index s = 0; s < c_.slots; ++s) mean += p[at(s)] * (g[at(s)] = dot(grad(q), value(s)));
        for (std::size_t s = 0; s < g.size(); ++s) g[s] = p[s] * (g[s] - mean) * scale_of(c_);
        return g;
    }

    Row grad_query(const Row& ds) const {
        Row out(at(c_.width), 0);
        for (Index s = 0; s < c_.slots; ++s) add(ds[at(s)], key(s), out);
        return out;
    }

    static void add(double factor, const float* x, Row& y) {
        for (std::size_t j = 0; j < y.size(); ++j) y[j] += factor * static_cast<double>(x[j]);
    }

    const float* query(Index i) const { return row(in_.query, c_.queries, i); }
    const float* grad(Index i) const { return row(in_.grad_read, c_.queries, i); }

    // Where a row of queries or slots begins, in kvmem's order.
    Index place(Index rows, Index i) const { return ((batch_ * rows + i) * c_.heads + head_) * c_.width; }

  private:
    static std::size_t at(Index i) { return static_cast<std::size_t>(i); }
    double dot(const float* a, const float* b) const {
        double sum = 0;
        for (Index j = 0; j < c_.width; ++j) sum += static_cast<double>(a[j]) * static_cast<double>(b[j]);
        return sum;
    }
    const float* row(const Floats& of, Index rows, Index i) const { return of.data() + place(rows, i); }
    const float* key(Index i) const { return row(in_.key, c_.slots, i); }
    const float* value(Index i) const { return row(in_.value, c_.slots, i); }

    const Case& c_;
    const Inputs& in_;
    Index batch_, head_;
};

class File {
  public:
    explicit File(const std::string& name) : file_(std::fopen(name.c_str(), "w")) {
        if (!file_) throw std::runtime_error("cannot write " + name);
    }
    File(const File&) = delete;
    File& operator=(const File&) = delete;
    ~File() { std::fclose(file_); }
    void row(int output, Index first, const Row& values) {
        for (const double value : values)
            std::fprintf(file_, "%d %lld %.12g\n", output, static_cast<long long>(first++), value);
    }

  private:
    std::FILE* file_;
};

void write_gradients(const Case& c, const Part& part, const std::vector<Index>& queries, File& file) {
    const std::vector<Index> slots = some_of(c.slots, 12);
    std::vector<Row> keys(slots.size(), Row(static_cast<std::size_t>(c.width), 0)), values = keys;
    for (Index q = 0; q < c.queries; ++q) {
        const Row p = part.weights(q), ds = part.score_gradient(q, p);
        for (std::size_t k = 0; k < slots.size(); ++k) {
            const auto s = static_cast<std::size_t>(slots[k]);
            Part::add(ds[s], part.query(q), keys[k]);
            Part::add(p[s], part.grad(q), values[k]);
        }
        if (std::find(queries.begin(), queries.end(), q) != queries.end())
            file.row(1, part.place(c.queries, q), part.grad_query(ds));
    }
    for (std::size_t k = 0; k < slots.size(); ++k) {
        file.row(2, part.place(c.slots, slots[k]), keys[k]);
        file.row(3, part.place(c.slots, slots[k]), values[k]);
    }
}

}  // namespace

void write_oracle(const Case& c, const std::string& name) {
    const Inputs in(c, false);
    File file(name);
    for (const Index batch : some_of(c.batch, 3))
        for (const Index head : some_of(c.heads, 2)) {
            const Part part(c, in, batch, head);
            const std::vector<Index> queries = some_of(c.queries, 12);
            for (const Index q : queries) file.row(0, part.place(c.queries, q), part.read(part.weights(q)));
            if (c.backward) write_gradients(c, part, queries, file);
        }
}

}  // namespace bench
