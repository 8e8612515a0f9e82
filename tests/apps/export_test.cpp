// kvmem export, and kvmem import weights.
#include "kvmem/io/safetensors.hpp"
#include "support/program_fixture.hpp"

using namespace kvmem;
using namespace kvmem::test;

TEST_CASE("weights that were exported and imported again give the same translations", "[apps]") {
    NEED_PROGRAM();
    const TemporaryDirectory directory;
    const auto path = [&](const std::string& name) { return (directory.path() / name).string(); };
    const auto done = [](const std::vector<std::string>& arguments, const std::string& input = {}) {
        const Output output = kvmem_program(arguments, input);
        INFO(output.err);
        REQUIRE(output.code == 0);
        return output.out;
    };
    const std::string run = path("run"), weights = path("weights.safetensors"), model = path("model.h5");
    done({"synth", "pairs", "--task", "dates", "--lines", "80", "--valid", "10", "--test", "10", "-o", path("pairs")});
    done({"train", path("pairs") + "/pairs.h5", "--run", run, "--width", "8", "--epochs", "1"});
    done({"export", run, "--to", "safetensors", "-o", weights});
    const Metadata texts = Safetensors(weights).metadata();
    CHECK(texts.at("model") == "seq2seq");
    CHECK_THAT(texts.at("config"), Catch::Contains(R"("width":8)"));
    CHECK_THAT(texts.at("target"), Catch::StartsWith(R"({"kind":"chars","texts":["<unknown>","<begin>","<end>",)"));
    done({"import", "weights", weights, "--like", run, "-o", model});
    const std::string line = "3 May 1978\n";
    CHECK(done({"translate", model, "--scores"}, line) == done({"translate", run, "--scores"}, line));

    done({"export", run, "--to", "onnx", "-o", path("dates.onnx")});
    CHECK(std::filesystem::exists(path("dates-encoder.onnx")));
    CHECK(std::filesystem::exists(path("dates-step.onnx")));
    CHECK_FALSE(std::filesystem::exists(path("dates.onnx")));

    check_fails(kvmem_program({"export", run, "--to", "gguf", "-o", path("x")}), 2, "onnx or safetensors");
    check_fails(kvmem_program({"export", run, "--to", "onnx"}), 2, "nothing given for output");
    check_fails(kvmem_program({"export", run, "--to", "safetensors", "-o", path("pairs") + "/pairs.h5"}), 1,
                "another kind");
    check_fails(kvmem_program({"import", "weights", path("dates-step.onnx"), "--like", run, "-o", model}), 1,
                "no safetensors file");
    check_fails(kvmem_program({"import", "weights", weights, "--like", run, "-o", weights}), 2, "one of the inputs");
}

TEST_CASE("models that answer questions are exported, or refused with what can be", "[apps]") {
    NEED_PROGRAM();
    const ProgramFixture fixture;
    fixture.import_and_train();
    const Output output = kvmem_program({"export", fixture.run, "--to", "onnx", "-o", fixture.path("net.onnx")});
    INFO(output.err);
    CHECK(output.code == 0);
    CHECK(fixture.exists("net.onnx"));
    const std::string reader = fixture.path("reader");
    REQUIRE(kvmem_program(
                {"train", fixture.data, "--model", "path-reader", "--run", reader, "--width", "8", "--epochs", "1"})
                .code == 0);
    check_fails(kvmem_program({"export", reader, "--to", "onnx", "-o", fixture.path("reader.onnx")}), 1,
                "expected kv-mem-nn or mem-n2n, got path-reader");
    CHECK_FALSE(fixture.exists("reader.onnx"));
    CHECK(kvmem_program({"export", reader, "--to", "safetensors", "-o", fixture.path("reader")}).code != 0);
    CHECK(kvmem_program({"export", reader, "--to", "safetensors", "-o", fixture.path("reader.safetensors")}).code == 0);
}
