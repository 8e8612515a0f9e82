// Graphs of ONNX, as formulas over values, much as a tape has them. Not installed.
//
// Shapes broadcast as NumPy's. Tokens are int64 with padding of -1 behind them.
#pragma once

#include "io/protobuf.hpp"
#include "kvmem/autograd/parameter.hpp"
#include "kvmem/io/onnx.hpp"

#include <cstdint>
#include <set>
#include <span>
#include <string>
#include <variant>
#include <vector>

namespace kvmem::onnx {

// The numbers are those of TensorProto.
enum class Type { float32 = 1, int32 = 6, int64 = 7, boolean = 9, float64 = 11 };

// A number, or the name of an extent that each run may choose.
using Extent = std::variant<Index, const char*>;

using Integers = std::vector<std::int64_t>;

struct Attribute {
    const char* name;
    std::variant<std::int64_t, float, Integers, std::string> value;
};

class Graph;

// The tensor of a graph with this name; without one, an input that a node does not have.
struct Value {
    Graph* graph = nullptr;
    std::string name{};
};

class Graph {
  public:
    // `parameters` must outlive the graph.
    Graph(std::string name, std::string about, const Parameters& parameters)
        : name_(std::move(name)), about_(std::move(about)), parameters_(&parameters) {}
    Graph(const Graph&) = delete;
    Graph& operator=(const Graph&) = delete;

    Value input(const std::string& name, Type type, const std::vector<Extent>& shape, const std::string& about);
    void output(const std::string& name, const Value& value, Type type, const std::vector<Extent>& shape,
                const std::string& about);

    bool has(const std::string& parameter) const;
    Value parameter(const std::string& name);  // [rows, cols]
    Value constant(std::span<const Real> numbers, const Integers& shape);
    Value constant(std::span<const double> numbers);  // [n]
    Value constant(const Integers& numbers);          // [n]
    Value constant(Real number) { return constant({&number, 1}, {}); }
    Value integer(std::int64_t number);  // []

    // The outputs of a node of this type, `count` of them, or the only one.
    std::vector<Value> nodes(const std::string& type, const std::vector<Value>& inputs,
                             const std::vector<Attribute>& attributes, std::size_t count);
    Value node(const std::string& type, const std::vector<Value>& inputs,
               const std::vector<Attribute>& attributes = {}) {
        return nodes(type, inputs, attributes, 1).front();
    }

    OnnxModel model() const;

  private:
    Value new_value() { return {this, "v" + std::to_string(++values_)}; }
    Value add_constant(const std::string& name, Type type, const Integers& shape, std::string_view bytes);

    std::string name_, about_;
    const Parameters* parameters_;
    std::set<std::string> used_;  // parameters that are constants of the graph
    protobuf::Message nodes_, constants_, inputs_, outputs_;
    Index values_ = 0;
};

Value operator+(const Value& a, const Value& b);
Value operator-(const Value& a, const Value& b);
Value operator*(const Value& a, const Value& b);
Value operator+(Real a, const Value& b);
Value operator-(Real a, const Value& b);
Value operator*(Real a, const Value& b);

// Of each number: "Tanh", "Relu", "Log".
Value apply(const char* function, const Value& x);
Value cast(const Value& x, Type type);
Value matmul(const Value& a, const Value& b);
Value transpose(const Value& x, const Integers& order);
Value reshape(const Value& x, const Integers& shape);  // 0: as it is, -1: what is left
Value unsqueeze(const Value& x, std::int64_t axis);
Value squeeze(const Value& x, std::int64_t axis);
Value concat(const std::vector<Value>& parts, std::int64_t axis);
Value slice(const Value& x, std::int64_t axis, std::int64_t begin, std::int64_t end);
Value sum(const Value& x, std::int64_t axis);  // without this axis
Value gather(const Value& table, const Value& rows);
Value where(const Value& condition, const Value& a, const Value& b);

// x [.., in] to x W' + b [.., out], of the parameters name.weight and, where it exists, name.bias.
Value linear(const Value& x, const std::string& name);
Value linear(const Value& x, const Value& weight);  // x W'

// Queries [batch, d] times keys [batch, slots, d]: [batch, slots].
Value dot_scores(const Value& queries, const Value& keys);
// Weights [.., n] times values [.., n, d]: [.., d].
Value weighted_sum(const Value& weights, const Value& values);

// Which tokens are no padding, as booleans; and tokens with padding as 0, to be rows of a table.
Value is_token(const Value& tokens);
Value as_rows(const Value& tokens);
// The softmax of the last axis over the scores with a true mask. Others have weight 0, even if all are.
Value masked_softmax(const Value& scores, const Value& mask);

}  // namespace kvmem::onnx
