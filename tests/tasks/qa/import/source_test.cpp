// What holds for the files of every layout.
#include "tasks/qa/import/source.hpp"

#include "support/import_helpers.hpp"
#include "tasks/qa/import/sources.hpp"

#include <catch2/catch.hpp>

#include <functional>

using namespace kvmem;
using namespace kvmem::test;

using Texts = std::vector<std::string>;

namespace {

// A layout: its files, and what reads them.
struct Layout {
    std::vector<Source> files;
    std::function<QaDataset(const std::vector<Source>&)> read;
};

std::vector<Layout> layouts() {
    return {
        {{{"kb.txt", "A|r|B\nC|r|D\n"}, {"train.txt", "who [A]\tB\nwho [C]\tD\n"}, {"types.txt", "x\ny\n"}},
         [](const auto& f) {
             return metaqa_from(f[0], {{{f[1], f[2]}}, {}, {}, {}}, {}, {});
         }},
        {{{"kb.txt", "1 A directed_by B, C\n2 D directed_by E\n"},
          {"names.txt", "B, C\nE\n"},
          {"train.txt", "1 who directed A?\tB, C\n2 who directed D?\tE\n"}},
         [](const auto& f) {
             return wikimovies_from(f[0], f[1], {{f[2]}, {}, {}}, {});
         }},
        {{{"facts.tsv", "@table\tx\tr\nA\tB\nC\tD\n"},
          {"templates.tsv", "r\twho {}\ttrain\nr\twhose {}\ttest\n"},
          {"train.tsv", "who is A\tB\nwho is C\tD\n"},
          {"test.jsonl", "{\"question\": \"A\", \"answers\": [\"B\"]}\n{\"question\": \"C\", \"answers\": [\"D\"]}\n"}},
         [](const auto& f) {
             return kb_from({f[0]}, f[1], {}, {{f[2]}, {}, {f[3]}}, {});
         }},
        {{{"qa1_train.txt", "1 Mary ran.\n2 Who ran?\tMary\t1\n1 John ran.\n2 Who ran?\tJohn\t1\n"}},
         [](const auto& f) {
             return babi_from({{*babi_name(f[0].name), f[0]}}, {});
         }},
        {{{"train.jsonl",
           "{\"question\": \"q\", \"memory\": [], \"answers\": [\"a\"]}\n"
           "{\"question\": \"r\", \"memory\": [], \"answers\": [\"b\"]}\n"}},
         [](const auto& f) {
             return jsonl_from({{f[0]}, {}, {}}, {});
         }},
    };
}

// All that a data set says.
Texts said(const QaDataset& dataset) {
    Texts all = slots(dataset, dataset.memory);
    for (const auto& [name, split] : dataset.splits) {
        for (const std::string& question : questions(dataset, name)) all.push_back(name + ": " + question);
        for (const std::string& slot : slots(dataset, split.local_slots)) all.push_back(slot);
    }
    return all;
}

std::string with_line_ends(const std::string& text, const std::string& end) {
    std::string other;
    for (const char c : text) other += c == '\n' ? end : std::string(1, c);
    return other;
}

}  // namespace

TEST_CASE("files of every layout have any line ends and may begin with a byte order mark", "[import]") {
    for (const Layout& layout : layouts()) {
        CAPTURE(layout.files[0].text);
        const Texts expected = said(layout.read(layout.files));
        for (const char* end : {"\r", "\r\n", "\n"}) {
            std::vector<Source> files = layout.files;
            for (Source& file : files) file.text = "\ufeff" + with_line_ends(file.text, end);
            CHECK(said(layout.read(files)) == expected);
        }
    }
}

TEST_CASE("files of every layout that are not UTF-8 are an error that says where", "[import]") {
    for (const Layout& layout : layouts())
        for (std::size_t i = 0; i < layout.files.size(); ++i) {
            std::vector<Source> files = layout.files;
            CAPTURE(files[i].name);
            std::string& text = files[i].text;
            const std::string good = text;
            text.insert(text.find('\n') + 2, "\xff");
            CHECK_THAT(error_of([&] { layout.read(files); }),
                       Catch::Contains(files[i].name + ":2") && Catch::Contains("UTF-8"));
            text = "\xff\xfe" + good;
            CHECK_THAT(error_of([&] { layout.read(files); }),
                       Catch::StartsWith(files[i].name + ": the text is in UTF-16"));
        }
}
