// Parameters for other programs, and from them: the format safetensors (huggingface/safetensors).
//
// A file is the length of its header in 8 bytes, the header, which is JSON, and the numbers of all tensors, row by row
// and little-endian. The header gives each tensor's type, shape and place, and texts by name.
#pragma once

#include "kvmem/autograd/parameter.hpp"
#include "kvmem/io/metadata.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace kvmem {

// A file that was read. Several threads may use it.
class Safetensors {
  public:
    // Throws Error unless the header is at most 100 MB of JSON without repeated names, and the tensors fill the rest of
    // the file, each the place that its shape and type need. NaN is a number like others.
    explicit Safetensors(const std::filesystem::path& path);
    // The same of a file's bytes; `name` stands for the path in errors.
    Safetensors(std::string bytes, std::string name);

    // The texts, and the names of the tensors in the order of the alphabet.
    const Metadata& metadata() const { return metadata_; }
    std::vector<std::string> names() const;
    const std::string& name() const { return name_; }  // of the file
    // A tensor of F64, F32, F16 or BF16 as floats; one dimension is a row, none is [1, 1]. Throws Error for a name that
    // the file lacks, another type, or more dimensions.
    Matrix matrix(const std::string& tensor) const;

  private:
    struct Tensor {
        std::string type;
        std::vector<std::uint64_t> shape;
        std::size_t begin, end;  // in the bytes
    };
    void read_header(std::size_t end);
    void check_places(std::size_t first) const;

    std::string bytes_, name_;
    Metadata metadata_;
    std::map<std::string, Tensor> tensors_;
};

// Replaces what was there by all parameters as F32 [rows, cols], all or nothing. Throws Error when the file cannot be
// written, or a name is not UTF-8 or is "__metadata__".
void save_safetensors(const Parameters& parameters, const std::filesystem::path& path, const Metadata& metadata = {});
// Reads the values of all parameters. Throws Error as load_parameters() does (io/parameters.hpp).
void load_safetensors(Parameters& parameters, const std::filesystem::path& path);

}  // namespace kvmem
