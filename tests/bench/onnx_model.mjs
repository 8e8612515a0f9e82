// Writes small ONNX models: the few messages of onnx.proto that one operation needs, as protocol buffers.

const varint = value => {
    const bytes = [];
    for (let v = BigInt.asUintN(64, BigInt(value)); ; v >>= 7n) {
        if (v < 128n) return Buffer.from([...bytes, Number(v)]);
        bytes.push(Number(v & 127n) | 128);
    }
};
const number = (field, value) => Buffer.concat([varint(field << 3), varint(value)]);
const float = (field, value) => {
    const bytes = Buffer.alloc(4);
    bytes.writeFloatLE(value);
    return Buffer.concat([varint(field << 3 | 5), bytes]);
};
const bytes = (field, content) => {
    const buffer = Buffer.from(content);
    return Buffer.concat([varint(field << 3 | 2), varint(buffer.length), buffer]);
};
const message = (field, ...parts) => bytes(field, Buffer.concat(parts));

const float_type = 1;

// ValueInfoProto: a float tensor of this shape.
const tensor = (field, name, shape) =>
    message(field, bytes(1, name),
        message(2, message(1, number(1, float_type), message(2, ...shape.map(size => message(1, number(1, size)))))));

// AttributeProto: integers, or { float: x }.
const attribute = (name, value) =>
    message(5, bytes(1, name), ...(typeof value === 'number' ? [number(3, value), number(20, 2)]
                                                             : [float(2, value.float), number(20, 1)]));

// NodeProto
export const node = (type, inputs, outputs, attributes = {}, domain = '') =>
    message(1, ...inputs.map(name => bytes(1, name)), ...outputs.map(name => bytes(2, name)), bytes(4, type),
        ...Object.entries(attributes).map(([name, value]) => attribute(name, value)), bytes(7, domain));

// TensorProto: a constant.
const initializer = (name, { dims, data }) =>
    message(5, ...dims.map(size => number(1, size)), number(2, float_type), bytes(8, name),
        bytes(9, Buffer.from(data.buffer)));

// ModelProto of a graph of such nodes; inputs and outputs are { name: shape }, constants { name: tensor }.
export const model = (nodes, inputs, outputs, constants = {}) => {
    const opset = (domain, version) => message(8, bytes(1, domain), number(2, version));
    return Buffer.concat([
        number(1, 10), opset('', 23), opset('com.microsoft', 1),
        message(7, ...nodes, bytes(2, 'attention'),
            ...Object.entries(constants).map(([name, tensor]) => initializer(name, tensor)),
            ...Object.entries(inputs).map(([name, shape]) => tensor(11, name, shape)),
            ...Object.entries(outputs).map(([name, shape]) => tensor(12, name, shape))),
    ]);
};
