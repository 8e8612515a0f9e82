// Associative recall: a modern Hopfield network stores pictures and finds them again from what is left of them.
#include "kvmem/core/rng.hpp"
#include "kvmem/nn/hopfield.hpp"

#include <cstdio>

using namespace kvmem;

constexpr Index count = 4, side = 9;
const char* const pictures[side] = {  //
    "....#.... ..#####.. ....#.... ........#", "...#.#... .#.....#. ...###... .....###.",
    "....#.... #.......# ..#####.. ...#####.", ".#######. #.#...#.# .#######. ..##.###.",
    "....#.... #.......# ######### .###.###.", "....#.... #.#...#.# .#.....#. .##.####.",
    "#...#...# #..###..# .#.###.#. .#.####..", ".#..#..#. .#.....#. .#.#.#.#. .####....",
    "..#####.. ..#####.. .###.###. #........"};
// The pictures side by side: # is 1, . is -1, blank is what is not known.
static void show(const char* title, const Matrix& all) {
    std::printf("\n%s\n", title);
    for (Index y = 0; y < side; ++y) {
        for (Index i = 0; i < count; ++i) {
            std::printf("   ");
            for (Index x = 0; x < side; ++x) {
                const Real pixel = all(i, y * side + x);
                std::printf(" %c", pixel > 0.1f ? '#' : pixel < -0.1f ? '.' : ' ');
            }
        }
        std::printf("\n");
    }
}

int main() {
    Matrix stored(count, side * side);
    for (Index i = 0; i < count; ++i)
        for (Index p = 0; p < side * side; ++p)
            stored(i, p) = pictures[p / side][i * (side + 1) + p % side] == '#' ? 1.0f : -1.0f;
    Matrix damaged = stored;
    Rng rng(3);
    for (Index p = 0; p < side * side; ++p) {
        for (const Index i : {0, 1})
            if (rng.uniform() < 0.25) damaged(i, p) *= -1;  // a quarter of the pixels turned over
        if (p / side >= 3) damaged(2, p) = 0;               // only the top is left
        if (p % side >= 4) damaged(3, p) = 0;               // only the left
    }

    Hopfield memory({.beta = 0.25f});
    memory.store(stored);
    const Hopfield::Recall recalled = memory.recall(damaged);

    show("stored", stored);
    show("what is left: noise, noise, the top, the left", damaged);
    show("recalled", recalled.state);
    Index wrong = 0;
    for (Index i = 0; i < stored.size(); ++i) wrong += (recalled.state.data()[i] > 0) != (stored.data()[i] > 0);
    std::printf("\n%d pixels wrong; steps:", int(wrong));
    for (const Index steps : recalled.steps) std::printf(" %d", int(steps));
    std::printf("\n");
    return wrong == 0 ? 0 : 1;
}
