#include "autograd/operation.hpp"
#include "kvmem/autograd/ops.hpp"
#include "kvmem/core/error.hpp"

namespace kvmem {

namespace {
// x + y, or x - y with a sign of -1.
struct Add {
    Var x, y;
    Real sign;

    void backward(Tape&, Var out) const {
        if (x.needs_grad()) accumulate(x.grad(), 1, out.grad());
        if (y.needs_grad()) accumulate(y.grad(), sign, out.grad());
    }
};

struct Multiply {
    Var x, y;

    void backward(Tape&, Var out) const {
        add_product(out.grad(), y, x);
        add_product(out.grad(), x, y);
    }

  private:
    static void add_product(ConstView grad_out, Var factor, Var to) {
        if (!to.needs_grad()) return;
        const View grad = to.grad();
        const ConstView other = factor.value();
        for (Index i = 0; i < grad.size(); ++i) grad.data[i] += grad_out.data[i] * other.data[i];
    }
};

struct Scale {
    Var x;
    Real factor;

    void backward(Tape&, Var out) const { accumulate(x.grad(), factor, out.grad()); }
};

struct Sum {
    Var x;

    void backward(Tape&, Var out) const {
        const Real grad_out = out.grad().data[0];  // the same for every number
        for (Real& g : x.grad().span()) g += grad_out;
    }
};

struct Activate {
    Var x;
    Activation f;

    void backward(Tape&, Var out) const {
        activate_backward(f, x.value().span(), out.value().span(), out.grad().span(), x.grad().span());
    }
};

struct Dropout {
    Var x;
    double rate;
    std::uint64_t seed;

    // The mask is drawn again from the seed instead of being saved.
    void backward(Tape&, Var out) const { dropout_backward(rate, seed, out.grad().span(), x.grad().span()); }
};
}  // namespace

// A new matrix of f(x, y), number by number.
template <class Operation, class Function>
static Var combine(const char* where, Var x, Var y, const Operation& operation, Function f) {
    Tape& tape = Tape::of(where, {x, y});
    require_shape(same_shape(x, y), where, "two matrices of one shape");
    const Var out = tape.record(x.rows(), x.cols(), any_needs_grad({x, y}), operation);
    const ConstView a = x.value(), b = y.value();
    const View to = out.mutable_value();
    for (Index i = 0; i < to.size(); ++i) to.data[i] = f(a.data[i], b.data[i]);
    return out;
}

Var add(Var x, Var y) {
    return combine("add", x, y, Add{x, y, 1}, [](Real a, Real b) { return a + b; });
}

Var subtract(Var x, Var y) {
    return combine("subtract", x, y, Add{x, y, -1}, [](Real a, Real b) { return a - b; });
}

Var multiply(Var x, Var y) {
    return combine("multiply", x, y, Multiply{x, y}, [](Real a, Real b) { return a * b; });
}

Var scale(Var x, Real factor) {
    Tape& tape = Tape::of("scale", {x});
    const Var out = tape.record(x.rows(), x.cols(), x.needs_grad(), Scale{x, factor});
    const ConstView from = x.value();
    const View to = out.mutable_value();
    for (Index i = 0; i < to.size(); ++i) to.data[i] = factor * from.data[i];
    return out;
}

Var sum(Var x) {
    Tape& tape = Tape::of("sum", {x});
    const Var out = tape.record(1, 1, x.needs_grad(), Sum{x});
    double total = 0;
    for (const Real v : x.value().span()) total += v;
    out.mutable_value().data[0] = static_cast<Real>(total);
    return out;
}

Var activate(Var x, Activation f) {
    Tape& tape = Tape::of("activate", {x});
    const Var out = tape.record(x.rows(), x.cols(), x.needs_grad(), Activate{x, f});
    activate(f, x.value().span(), out.mutable_value().span());
    return out;
}

Var dropout(Var x, double rate) {
    Tape& tape = Tape::of("dropout", {x});
    require_shape(rate >= 0 && rate < 1, "dropout", "a rate from 0 to below 1");
    if (rate == 0 || !tape.training()) return x;
    const Dropout dropped{x, rate, tape.next_seed()};
    const Var out = tape.record(x.rows(), x.cols(), x.needs_grad(), dropped);
    dropout(rate, dropped.seed, x.value().span(), out.mutable_value().span());
    return out;
}

}  // namespace kvmem
