// Exported graphs with inputs and the numbers that kvmem gives for them, for tests/onnx/run.mjs.
#pragma once

#include "kvmem/core/file.hpp"
#include "kvmem/core/ragged.hpp"
#include "kvmem/io/onnx.hpp"
#include "support/program.hpp"

#include <boost/json.hpp>
#include <cstdlib>
#include <string>
#include <vector>

namespace kvmem::test {

class OnnxCases {
  public:
    // Writes the graphs and begins a case.
    void begin(const std::string& name, const std::vector<OnnxModel>& graphs) {
        graphs_.clear();
        const auto path = directory_ / (name + ".onnx");
        save_onnx(graphs, path, {{"model", name}});
        const auto paths = onnx_paths(graphs, path);
        for (std::size_t i = 0; i < graphs.size(); ++i) graphs_[graphs[i].name] = paths[i].filename().string();
        cases_.push_back({{"name", name}, {"runs", boost::json::array()}});
    }
    // A run of a graph. Its inputs and expected outputs follow.
    void run(const std::string& graph) {
        runs().push_back(
            {{"model", graphs_.at(graph)}, {"inputs", boost::json::object()}, {"expected", boost::json::object()}});
    }
    void tokens(const std::string& name, const std::vector<Index>& shape, const std::vector<Token>& numbers) {
        last("inputs")[name] = {
            {"type", "int64"}, {"dims", boost::json::value_from(shape)}, {"data", boost::json::value_from(numbers)}};
    }
    // Rows of tokens, padded to the longest.
    void tokens(const std::string& name, RaggedView<Token> rows) {
        Index width = 1;
        for (Index i = 0; i < rows.size(); ++i) width = std::max(width, std::ssize(rows[i]));
        std::vector<Token> padded;
        for (Index i = 0; i < rows.size(); ++i) {
            padded.insert(padded.end(), rows[i].begin(), rows[i].end());
            padded.resize(static_cast<std::size_t>((i + 1) * width), Token{-1});
        }
        tokens(name, {rows.size(), width}, padded);
    }
    void numbers(const std::string& name, const std::vector<Index>& shape, const std::vector<Real>& numbers) {
        last("inputs")[name] = tensor(shape, numbers);
    }
    void expect(const std::string& name, const std::vector<Index>& shape, std::span<const Real> numbers) {
        last("expected")[name] = tensor(shape, numbers);
    }

    // Runs all cases: what node says, with code 77 without ONNX Runtime.
    Output check() const {
        const auto cases = directory_.write("cases.json", boost::json::serialize(cases_));
        return shell("command -v node >/dev/null || exit 77; KVMEM_BENCH_PEERS=${KVMEM_BENCH_PEERS:-" KVMEM_SOURCE_DIR
                     "/build/bench-peers} node " KVMEM_SOURCE_DIR "/tests/onnx/run.mjs " +
                     cases.string());
    }
    std::size_t size() const { return cases_.size(); }
    const std::filesystem::path& directory() const { return directory_.path(); }

  private:
    boost::json::array& runs() { return cases_.back().at("runs").as_array(); }
    boost::json::object& last(const char* part) { return runs().back().at(part).as_object(); }
    static boost::json::value tensor(const std::vector<Index>& shape, std::span<const Real> numbers) {
        boost::json::array data;
        for (const Real x : numbers) data.push_back(double{x});
        return {{"type", "float32"}, {"dims", boost::json::value_from(shape)}, {"data", std::move(data)}};
    }

    TemporaryDirectory directory_;
    std::map<std::string, std::string> graphs_;  // files
    boost::json::array cases_;
};

}  // namespace kvmem::test
