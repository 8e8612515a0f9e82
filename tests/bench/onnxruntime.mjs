// The contestant onnxruntime: attention as one operation of ONNX, as the contributed MultiHeadAttention, and as a chain
// of products and softmax; and the layers LSTM and GRU; see README.md. KVMEM_BENCH_PEERS names the folder where npm installed onnxruntime-node.
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import { model, node } from './onnx_model.mjs';

const peers = createRequire(`${process.env.KVMEM_BENCH_PEERS}/`);
const ort = peers('onnxruntime-node');

// protocol.hpp has the same generator.
const random_bits = (stream, i) => {
    let t = Math.imul(stream, 0x9E3779B9) + Math.imul(i + 1, 0x6D2B79F5) | 0;
    t = Math.imul(t ^ t >>> 15, t | 1);
    t ^= t + Math.imul(t ^ t >>> 7, t | 61);
    return (t ^ t >>> 14) >>> 0;
};
const normal_table = Float32Array.from({ length: 1 << 16 }, (_, i) =>
    Math.sqrt(-2 * Math.log((random_bits(0, 2 * i) + 0.5) / 2 ** 32)) *
    Math.cos(2 * Math.PI * (random_bits(0, 2 * i + 1) / 2 ** 32)));

// Where number i of [batch * rows, heads * width] lies in [batch, heads, rows, width].
const heads_first = (i, heads, rows, width) => {
    const row = Math.floor(i / (heads * width)), column = i % (heads * width);
    return ((Math.floor(row / rows) * heads + Math.floor(column / width)) * rows + row % rows) * width + column % width;
};

class Task {
    static async make(c, variant) {
        const task = new Task();
        task.c = c;
        task.plain = variant === 'mha';  // takes kvmem's order, the others the heads first
        const { batch, heads, queries, slots, width } = c;
        const shape = rows => task.plain ? [batch, rows, heads * width] : [batch, heads, rows, width];
        const inputs = { query: shape(queries), key: shape(slots), value: shape(slots) };
        if (variant === 'chain' && c.causal) inputs.mask = [queries, slots];
        const bytes = model(task.nodes(variant), inputs, { read: shape(queries) });
        task.session = await ort.InferenceSession.create(bytes, {
            executionProviders: ['cpu'], intraOpNumThreads: c.threads, interOpNumThreads: 1, graphOptimizationLevel: 'all',
        });
        const tensor = (name, data) => new ort.Tensor('float32', data, inputs[name] ?? shape(queries));
        task.feeds = {
            query: tensor('query', task.fill(queries, 1)),
            key: tensor('key', task.fill(slots, 2)),
            value: tensor('value', task.fill(slots, 3)),
        };
        if (inputs.mask) task.feeds.mask = tensor('mask', Float32Array.from({ length: queries * slots }, (_, i) =>
            i % slots <= Math.floor(i / slots) + slots - queries ? 0 : -1e30));
        task.fetches = { read: tensor('read', new Float32Array(batch * heads * queries * width)) };
        return task;
    }

    nodes(variant) {
        const { heads, width, causal } = this.c, scale = { float: 1 / Math.sqrt(width) }, inputs = ['query', 'key', 'value'];
        if (variant === 'attention') return [node('Attention', inputs, ['read'], { is_causal: causal, scale })];
        if (variant === 'mha')
            return [node('MultiHeadAttention', inputs, ['read'], { num_heads: heads, scale, unidirectional: causal },
                'com.microsoft')];
        const scores = causal ? 'masked' : 'scores';
        return [
            node('FusedMatMul', ['query', 'key'], ['scores'], { transB: 1, alpha: scale }, 'com.microsoft'),
            ...(causal ? [node('Add', ['scores', 'mask'], ['masked'])] : []),
            node('Softmax', [scores], ['weights'], { axis: -1 }),
            node('MatMul', ['weights', 'value'], ['read']),
        ];
    }

    place(i, rows) { return this.plain ? i : heads_first(i, this.c.heads, rows, this.c.width); }

    fill(rows, stream) {
        const { batch, heads, width } = this.c, out = new Float32Array(batch * heads * rows * width);
        for (let i = 0; i < out.length; ++i)
            out[heads === 1 ? i : this.place(i, rows)] = normal_table[random_bits(stream, i) >>> 16];
        return out;
    }

    run() { return this.session.run(this.feeds, this.fetches); }

    error(file) {
        let difference = 0, largest = 0;
        for (const line of readFileSync(file, 'utf8').split('\n')) {
            const [output, i, value] = line.split(' ').map(Number);
            if (line === '' || output !== 0) continue;
            const d = Math.abs(this.fetches.read.data[this.place(i, this.c.queries)] - value);
            if (!(d <= difference)) difference = d;
            largest = Math.max(largest, Math.abs(value));
        }
        return difference / largest;
    }

    async memory() {
        const status = field => 1024 * Number(readFileSync('/proc/self/status', 'utf8').match(`${field}:\\s*(\\d+)`)[1]);
        writeFileSync('/proc/self/clear_refs', '5');
        const before = status('VmRSS');
        await this.run();
        return status('VmHWM') - before;
    }
}

// Forward of the operations LSTM and GRU over sequences of one length.
class Layer {
    static async make(c) {
        const layer = new Layer(), { slots: steps, batch, width } = c, lstm = c.kind === 'lstm';
        // PyTorch's gates, of which recurrent_data.hpp has the numbers, in ONNX's order.
        const order = lstm ? [0, 3, 1, 2] : [1, 0, 2], gates = order.length, deviation = 1 / Math.sqrt(width);
        const numbers = (stream, size, deviation = 1) =>
            Float32Array.from({ length: size }, (_, i) => deviation * normal_table[random_bits(stream, i) >>> 16]);
        const reordered = (stream, cols) => {
            const from = numbers(stream, gates * width * cols, deviation), size = width * cols;
            return Float32Array.from(from, (_, i) => from[order[Math.floor(i / size)] * size + i % size]);
        };
        const by_step = from => Float32Array.from(from, (_, i) => {
            const row = Math.floor(i / width);
            return from[(row % batch * steps + Math.floor(row / batch)) * width + i % width];
        });
        const bias = new Float32Array(2 * gates * width);
        bias.set(reordered(85, 1));
        const tensor = (data, ...shape) => new ort.Tensor('float32', data, shape);
        layer.feeds = {
            X: tensor(by_step(numbers(81, steps * batch * width)), steps, batch, width),
            W: tensor(reordered(83, width), 1, gates * width, width),
            R: tensor(reordered(84, width), 1, gates * width, width),
            B: tensor(bias, 1, 2 * gates * width),
        };
        layer.weight = by_step(numbers(82, steps * batch * width));
        const attributes = { hidden_size: width, ...(lstm ? {} : { linear_before_reset: 1 }) };
        const shapes = Object.fromEntries(Object.entries(layer.feeds).map(([name, t]) => [name, t.dims]));
        const constants = { W: layer.feeds.W, R: layer.feeds.R, B: layer.feeds.B };
        layer.session = await ort.InferenceSession.create(
            model([node(lstm ? 'LSTM' : 'GRU', Object.keys(shapes), ['Y'], attributes)], { X: shapes.X },
                { Y: [steps, 1, batch, width] }, constants),
            { executionProviders: ['cpu'], intraOpNumThreads: c.threads, interOpNumThreads: 1 });
        return layer;
    }

    async run() { this.read = (await this.session.run({ X: this.feeds.X })).Y; }

    loss() { return this.read.data.reduce((sum, y, i) => sum + y * this.weight[i], 0); }
}

const parse = words => Object.fromEntries(words.map(word => word.split('=')).map(([name, value]) =>
    [name, name === 'kind' ? value : Number(value)]));

let c, task;
const is_layer = () => c.kind === 'lstm' || c.kind === 'gru';
const answers = {
    case(...words) {
        c = parse(words);
        const can = !c.backward && !c.bf16;
        if (can && is_layer()) return 'variants layer';
        return ['variants', ...(can && c.kind === 'attend' ? ['attention', 'mha', 'chain'] : [])].join(' ');
    },
    async variant(name) { task = await (is_layer() ? Layer.make(c) : Task.make(c, name)); return 'ready'; },
    async go(runs) {
        const times = [];
        for (let i = 0; i < Number(runs); ++i) {
            const start = process.hrtime.bigint();
            await task.run();
            times.push(process.hrtime.bigint() - start);
        }
        return `ns ${times.join(' ')}`;
    },
    loss: () => `loss ${task.loss()}`,
    error: file => `error ${task.error(file)}`,
    memory: async () => `memory ${await task.memory()}`,
};

console.log(`hello onnxruntime ${peers('onnxruntime-node/package.json').version} (npm)`);
for await (const line of createInterface({ input: process.stdin })) {
    const [command, ...words] = line.split(' ');
    try {
        console.log(await answers[command](...words));
    } catch (e) {
        console.log(`failed: ${String(e.message).split('\n')[0]}`);
    }
}
