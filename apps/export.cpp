// kvmem export RUN: a trained model for other programs; kvmem import weights: back from them.
#include "kvmem/core/file.hpp"
#include "kvmem/io/safetensors.hpp"
#include "kvmem/train/session.hpp"
#include "output.hpp"
#include "program.hpp"
#include "task_table.hpp"

#include <iostream>

namespace kvmem::apps {

namespace fs = std::filesystem;

static const char* const about_export =
    "Writes a trained model for other programs, with its settings and tokens as metadata:\n\n"
    "  onnx         graphs for ONNX Runtime and others (opset 17): of kv-mem-nn and mem-n2n one, FILE; of seq2seq and\n"
    "               transformer FILE-encoder.onnx and FILE-step.onnx; of recurrent-text and language-model the step,\n"
    "               FILE. They describe their inputs: tokens are int64, -1 stands behind shorter lines, and what a "
    "step\n"
    "               gives as next_x the next one takes as x\n"
    "  safetensors  the weights of any model by their names, float32; 'kvmem import weights' reads them back";

static void tell(const std::vector<fs::path>& files, const Parameters& parameters) {
    std::vector<std::string> names;
    for (const fs::path& file : files) names.push_back(file.string());
    std::cerr << joined(names) << ": " << plural(parameters.count(), "parameter") << "\n";
}

int run_export(const Arguments& arguments) {
    CommandLine line{.usage = "kvmem export RUN --to FORMAT --output FILE",
                     .about = about_export,
                     .positional = {"run"},
                     .choices = {{"to", {"onnx", "safetensors"}}}};
    line.options.add_options()                                               //
        ("to", po::value<std::string>(), "the format: onnx or safetensors")  //
        ("output,o", po::value<std::string>(), "the file to write");
    po::variables_map values;
    if (!parse(line, arguments, values)) return 0;
    const fs::path run = find_run(values), input = model_file_of(run);
    const std::string format = required(values, "to", "onnx or safetensors");
    const fs::path output = required(values, "output", "the file to write");
    if (format != "onnx" && format != "safetensors")
        throw UsageError({.what = "no such format", .expected = "onnx or safetensors", .got = format});
    const auto model = verbs_of(task_of_run(run)).open(input);
    const bool is_onnx = format == "onnx";
    const std::vector<OnnxModel> graphs = is_onnx ? model->onnx() : std::vector<OnnxModel>();
    const std::vector<fs::path> files = is_onnx ? onnx_paths(graphs, output) : std::vector<fs::path>{output};
    for (const fs::path& file : files) require_output(file, "", {input});
    if (is_onnx)
        save_onnx(graphs, output, model->metadata());
    else
        save_safetensors(model->parameters(), output, model->metadata());
    tell(files, model->parameters());
    return 0;
}

int run_import_weights(const Arguments& arguments) {
    CommandLine line{.usage = "kvmem import weights FILE --like RUN --output MODEL",
                     .about =
                         "Writes the model of a run with the weights of a safetensors file, as 'kvmem export' made "
                         "it, or another\nprogram with the same names and shapes, in F64, F32, F16 or BF16.",
                     .positional = {"layout", "file"}};
    line.options.add_options()                                                                                  //
        ("like", po::value<std::string>(), "the run directory or model file with the settings and the tokens")  //
        ("output,o", po::value<std::string>(), "the model file to write, which every verb takes as a run");
    po::variables_map values;
    if (!parse(line, arguments, values)) return 0;
    const fs::path file = required(values, "file", "a safetensors file"), run = find_run(values, "like");
    const fs::path output = required(values, "output", "the model file to write"), input = model_file_of(run);
    require_output(output, "kvmem-model", {file, input});
    const auto model = verbs_of(task_of_run(run)).open(input);
    load_safetensors(model->parameters(), file);
    model->save(output);
    tell({output}, model->parameters());
    return 0;
}

}  // namespace kvmem::apps
