#include "io/onnx_graph.hpp"

#include "io/little_endian.hpp"
#include "kvmem/core/error.hpp"
#include "kvmem/version.hpp"

#include <algorithm>
#include <utility>

namespace kvmem::onnx {

using protobuf::Message;

static constexpr int ir_version = 8, operator_set = 17;

// --- Messages, with the numbers of their fields in onnx.proto ----------------------------------------------------

static Message value_info(const std::string& name, Type type, const std::vector<Extent>& shape,
                          const std::string& about) {
    Message extents, tensor, value;
    for (const Extent& extent : shape) {
        Message dimension;
        if (const auto* size = std::get_if<Index>(&extent))
            dimension.integer(1, *size);
        else
            dimension.bytes(2, std::get<const char*>(extent));
        extents.message(1, dimension);
    }
    tensor.integer(1, static_cast<int>(type)).message(2, extents);
    return value.bytes(1, name).message(2, Message().message(1, tensor)).bytes(3, about);
}

static Message attribute(const Attribute& a) {
    enum Form { of_float = 1, of_integer = 2, of_text = 3, of_integers = 7 };
    Message message;
    message.bytes(1, a.name);
    if (const auto* integer = std::get_if<std::int64_t>(&a.value))
        return message.integer(3, *integer).integer(20, of_integer);
    if (const auto* number = std::get_if<float>(&a.value)) return message.number(2, *number).integer(20, of_float);
    if (const auto* text = std::get_if<std::string>(&a.value)) return message.bytes(4, *text).integer(20, of_text);
    for (const std::int64_t integer : std::get<Integers>(a.value)) message.integer(8, integer);
    return message.integer(20, of_integers);
}

// --- The graph ----------------------------------------------------------------------------------------------------

Value Graph::input(const std::string& name, Type type, const std::vector<Extent>& shape, const std::string& about) {
    inputs_.message(11, value_info(name, type, shape, about));
    return {this, name};
}

void Graph::output(const std::string& name, const Value& value, Type type, const std::vector<Extent>& shape,
                   const std::string& about) {
    nodes_.message(1, Message().bytes(1, value.name).bytes(2, name).bytes(4, "Identity"));
    outputs_.message(12, value_info(name, type, shape, about));
}

static const Parameter* find(const Parameters& parameters, const std::string& name) {
    const auto found = std::ranges::find(parameters, name, &Parameter::name);
    return found == parameters.end() ? nullptr : &*found;
}

bool Graph::has(const std::string& parameter) const { return find(*parameters_, parameter) != nullptr; }

Value Graph::parameter(const std::string& name) {
    const Parameter* p = find(*parameters_, name);
    if (!p) throw Error({.what = "the network has no such parameter", .got = name, .where = "onnx::Graph"});
    if (!used_.insert(name).second) return {this, name};
    const std::string_view bytes(reinterpret_cast<const char*>(p->value.data()), p->value.view().span().size_bytes());
    return add_constant(name, Type::float32, {p->value.rows(), p->value.cols()}, bytes);
}

Value Graph::add_constant(const std::string& name, Type type, const Integers& shape, std::string_view bytes) {
    Message tensor;
    for (const std::int64_t extent : shape) tensor.integer(1, extent);
    constants_.message(5, tensor.integer(2, static_cast<int>(type)).bytes(8, name).bytes(9, bytes));
    return {this, name};
}

Value Graph::constant(std::span<const Real> numbers, const Integers& shape) {
    static_assert(sizeof(Real) == sizeof(float));
    return add_constant(new_value().name, Type::float32, shape,
                        {reinterpret_cast<const char*>(numbers.data()), numbers.size_bytes()});
}

Value Graph::constant(std::span<const double> numbers) {
    return add_constant(new_value().name, Type::float64, {std::ssize(numbers)},
                        {reinterpret_cast<const char*>(numbers.data()), numbers.size_bytes()});
}

Value Graph::constant(const Integers& numbers) {
    return add_constant(new_value().name, Type::int64, {std::ssize(numbers)},
                        {reinterpret_cast<const char*>(numbers.data()), std::span(numbers).size_bytes()});
}

Value Graph::integer(std::int64_t number) { return add_constant(new_value().name, Type::int64, {}, bytes_of(number)); }

std::vector<Value> Graph::nodes(const std::string& type, const std::vector<Value>& inputs,
                                const std::vector<Attribute>& attributes, std::size_t count) {
    std::vector<Value> outputs;
    Message node;
    for (const Value& value : inputs) node.bytes(1, value.name);
    while (outputs.size() < count) node.bytes(2, outputs.emplace_back(new_value()).name);
    node.bytes(4, type);
    for (const Attribute& a : attributes) node.message(5, attribute(a));
    nodes_.message(1, node);
    return outputs;
}

OnnxModel Graph::model() const {
    Message graph, model;
    const std::string body = nodes_.wire() + constants_.wire() + inputs_.wire() + outputs_.wire();
    graph.bytes(2, name_).bytes(10, about_);
    model.integer(1, ir_version).bytes(2, "kvmem").bytes(3, KVMEM_VERSION).bytes(6, about_);
    model.message(8, Message().bytes(1, "").integer(2, operator_set)).bytes(7, graph.wire() + body);
    return {name_, model.wire()};
}

// --- Operations ---------------------------------------------------------------------------------------------------

static Value binary(const char* type, const Value& a, const Value& b) { return a.graph->node(type, {a, b}); }

Value operator+(const Value& a, const Value& b) { return binary("Add", a, b); }
Value operator-(const Value& a, const Value& b) { return binary("Sub", a, b); }
Value operator*(const Value& a, const Value& b) { return binary("Mul", a, b); }
Value operator+(Real a, const Value& b) { return b.graph->constant(a) + b; }
Value operator-(Real a, const Value& b) { return b.graph->constant(a) - b; }
Value operator*(Real a, const Value& b) { return b.graph->constant(a) * b; }
Value matmul(const Value& a, const Value& b) { return binary("MatMul", a, b); }
Value gather(const Value& table, const Value& rows) { return binary("Gather", table, rows); }

Value apply(const char* function, const Value& x) { return x.graph->node(function, {x}); }

Value cast(const Value& x, Type type) {
    return x.graph->node("Cast", {x}, {{"to", std::int64_t{static_cast<int>(type)}}});
}

Value transpose(const Value& x, const Integers& order) { return x.graph->node("Transpose", {x}, {{"perm", order}}); }

Value concat(const std::vector<Value>& parts, std::int64_t axis) {
    return parts.front().graph->node("Concat", parts, {{"axis", axis}});
}

Value reshape(const Value& x, const Integers& shape) { return binary("Reshape", x, x.graph->constant(shape)); }
Value unsqueeze(const Value& x, std::int64_t axis) { return binary("Unsqueeze", x, x.graph->constant(Integers{axis})); }
Value squeeze(const Value& x, std::int64_t axis) { return binary("Squeeze", x, x.graph->constant(Integers{axis})); }

Value slice(const Value& x, std::int64_t axis, std::int64_t begin, std::int64_t end) {
    Graph& g = *x.graph;
    return g.node("Slice", {x, g.constant(Integers{begin}), g.constant(Integers{end}), g.constant(Integers{axis})});
}

Value sum(const Value& x, std::int64_t axis) {
    return x.graph->node("ReduceSum", {x, x.graph->constant(Integers{axis})}, {{"keepdims", std::int64_t{0}}});
}

Value where(const Value& condition, const Value& a, const Value& b) {
    return condition.graph->node("Where", {condition, a, b});
}

Value linear(const Value& x, const Value& weight) { return matmul(x, transpose(weight, {1, 0})); }

Value linear(const Value& x, const std::string& name) {
    Graph& g = *x.graph;
    const Value product = linear(x, g.parameter(name + ".weight"));
    return g.has(name + ".bias") ? product + g.parameter(name + ".bias") : product;
}

Value dot_scores(const Value& queries, const Value& keys) {
    return squeeze(matmul(unsqueeze(queries, 1), transpose(keys, {0, 2, 1})), 1);
}

Value weighted_sum(const Value& weights, const Value& values) {
    return squeeze(matmul(unsqueeze(weights, -2), values), -2);
}

Value is_token(const Value& tokens) { return binary("GreaterOrEqual", tokens, tokens.graph->integer(0)); }
Value as_rows(const Value& tokens) { return binary("Max", tokens, tokens.graph->integer(0)); }

Value masked_softmax(const Value& scores, const Value& mask) {
    constexpr Real hidden = -1e30f;  // so that a row without slots has no NaN
    const Value weights = apply("Softmax", where(mask, scores, scores.graph->constant(hidden)));
    return weights * cast(mask, Type::float32);
}

}  // namespace kvmem::onnx
