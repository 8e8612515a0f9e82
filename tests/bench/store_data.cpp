#include "store_data.hpp"

#include "kvmem/core/parallel.hpp"
#include "kvmem/core/rng.hpp"

#include <zlib.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <vector>

namespace bench {

using kvmem::Index;
using kvmem::Matrix;
using kvmem::Rng;

static constexpr Index query_count = 1000;
static constexpr Index directions = 16;

static void make_unit(float* row, Index width) {
    double square = 0;
    for (Index i = 0; i < width; ++i) square += double{row[i]} * double{row[i]};
    for (Index i = 0; i < width; ++i) row[i] = static_cast<float>(row[i] / std::sqrt(std::max(square, 1e-30)));
}

static Matrix normal(Index rows, Index cols, std::uint64_t seed, std::uint64_t stream) {
    Matrix m(rows, cols);
    kvmem::parallel_for(rows, 256, [&](Index first, Index last) {
        for (Index i = first; i < last; ++i) {
            Rng rng(seed, {stream, static_cast<std::uint64_t>(i)});
            for (Index j = 0; j < cols; ++j) m(i, j) = static_cast<float>(rng.normal());
        }
    });
    return m;
}

VectorSet made_up(Index vectors, Index width, Index centres, std::uint64_t seed) {
    const std::string what = centres > 0 ? " clustered x " : " unclustered x ";
    VectorSet set{std::to_string(vectors) + what + std::to_string(width), {}, {}};
    Matrix all;
    if (centres == 0) {
        all = normal(vectors + query_count, width, seed, 0);
    } else {
        const Matrix middle = normal(centres, width, seed, 1), spread = normal(centres * directions, width, seed, 2);
        const Matrix place = normal(vectors + query_count, directions, seed, 3);
        all = Matrix(vectors + query_count, width);
        kvmem::parallel_for(all.rows(), 256, [&](Index first, Index last) {
            for (Index i = first; i < last; ++i) {
                const Index centre = Rng(seed, {4, static_cast<std::uint64_t>(i)}).below(centres);
                std::copy_n(middle.row(centre), width, all.row(i));
                for (Index k = 0; k < directions; ++k)
                    for (Index j = 0; j < width; ++j)
                        all(i, j) += 0.1f * place(i, k) * spread(centre * directions + k, j);
            }
        });
    }
    for (Index i = 0; i < all.rows(); ++i) make_unit(all.row(i), width);
    set.base = Matrix(vectors, width);
    set.queries = Matrix(query_count, width);
    std::copy_n(all.data(), set.base.size(), set.base.data());
    std::copy_n(all.row(vectors), set.queries.size(), set.queries.data());
    return set;
}

// The pixels of a file in IDX format.
static Matrix pixels(const std::string& path, Index most) {
    gzFile file = ::gzopen(path.c_str(), "rb");
    if (!file) return {};
    unsigned char head[16] = {};
    ::gzread(file, head, 16);
    const Index rows = std::min<Index>(most, (head[4] << 24) + (head[5] << 16) + (head[6] << 8) + head[7]);
    Matrix m(rows, 784);
    std::vector<unsigned char> row(784);
    for (Index i = 0; i < rows && ::gzread(file, row.data(), 784) == 784; ++i) {
        std::transform(row.begin(), row.end(), m.row(i), [](unsigned char x) { return static_cast<float>(x); });
        make_unit(m.row(i), 784);
    }
    ::gzclose(file);
    return m;
}

VectorSet fashion_mnist() {
    const std::string folder = "/usr/share/datasets/fashion-mnist/";
    return {"Fashion-MNIST, 60000 x 784", pixels(folder + "train-images-idx3-ubyte.gz", 60000),
            pixels(folder + "t10k-images-idx3-ubyte.gz", query_count)};
}

}  // namespace bench
