#include "kvmem/tasks/qa/documents/read.hpp"

#include "kvmem/core/error.hpp"
#include "kvmem/core/file.hpp"
#include "kvmem/core/parallel.hpp"
#include "support/temporary_directory.hpp"

#include <catch2/catch.hpp>

#include <unistd.h>

#include <filesystem>

using namespace kvmem;
using namespace kvmem::documents;
namespace fs = std::filesystem;

namespace {

// While it lives, the process of root has the rights of nobody, since no folder is closed to root.
struct NoRoot {
    const bool was_root = ::geteuid() == 0;
    NoRoot() { REQUIRE((!was_root || ::seteuid(65534) == 0)); }
    ~NoRoot() { CHECK((!was_root || ::seteuid(0) == 0)); }
};

// "kind:text of sentence|text of sentence" of each passage.
std::vector<std::string> passages(const Collection& all) {
    std::vector<std::string> texts;
    for (const Passage& passage : all.passages) {
        std::string text = std::to_string(static_cast<int>(passage.kind)) + ":";
        for (Index s = passage.sentences.first; s < passage.sentences.last; ++s)
            text += (s > passage.sentences.first ? "|" : "") + std::string(all.text_of(all.sentences[s]));
        texts.push_back(text);
    }
    return texts;
}

// The bytes of each token in the original file.
std::vector<std::string> originals(const Collection& all, const std::string& bytes) {
    std::vector<std::string> texts;
    for (const TokenSpan& token : all.tokens) texts.push_back(bytes.substr(token.begin, token.size));
    return texts;
}

using Texts = std::vector<std::string>;

}  // namespace

TEST_CASE("sentences end where people end them", "[documents]") {
    const Collection all =
        read_bytes("t", "Dr. J. Smith saw it, e.g. in Fig. 3.\nHe left! Did he? 1. One.", Layout::text);
    CHECK(passages(all) == Texts{"0:Dr. J. Smith saw it, e.g. in Fig. 3.|He left!|Did he?|1. One."});
}

TEST_CASE("plain text has headings, tables and paragraphs", "[documents]") {
    const Collection all = read_bytes("t", "Top\n===\nOne.\r\n\r\nNAME\n\n    a = 1\n    b = 2\n\nTwo.", Layout::text);
    CHECK(passages(all) == Texts{"1:Top", "0:One.", "1:NAME", "3:a = 1\n    b = 2", "0:Two."});
    CHECK(all.passages[1].heading == 0);
    CHECK(all.passages[2].heading == 0);
    CHECK(all.passages[4].heading == 2);
    CHECK(Collection::place_of(all.files[0], all.sentences[4].bytes.first) == std::pair<Index, Index>{10, 1});
}

TEST_CASE("Markdown is read without its marks, and tokens are their bytes", "[documents]") {
    const std::string text =
        "# The *title*\n\nA **bold** caf&eacute;.\n\n- item\n\n```\nx = 1\n\ny\n```\n\n|a|b|\n|---|---|\n|1|2|\n";
    const Collection all = read_bytes("m.md", text, Layout::markdown);
    CHECK(all.documents[0].title == "The title");
    CHECK(passages(all) == Texts{"1:The title", "0:A bold café.", "0:item", "2:x = 1\n\ny", "3:a\tb\t\n1\t2"});
    CHECK(originals(all, text) ==
          Texts{"The", "title", "A", "bold", "caf&eacute;", "item", "x", "1", "y", "a", "b", "1", "2"});
}

TEST_CASE("HTML is read without markup and navigation, and tokens are their bytes", "[documents]") {
    const std::string text =
        "<!DOCTYPE html><title>T &amp; U</title><nav>Next</nav><h1>Head</h1><p>It&#8217;s <b>b</b>old\r\nA&amp;B &lt;x "
        "&amp;amp;</p><script>no()</script><pre>a  "
        "b\nc</pre><dl><dt>term<dd>what</dl><p>end<table><tr><td>1<td>2</table>";
    const Collection all = read_bytes("h.html", text, Layout::html);
    CHECK(all.documents[0].title == "T & U");
    CHECK(passages(all) ==
          Texts{"1:Head", "0:It’s bold A&B <x &amp;", "2:a  b\nc", "1:term", "0:what", "0:end", "3:1\t2"});
    CHECK(all.passages[4].heading == 3);
    CHECK(all.passages[5].heading == 0);
    const Texts words = originals(all, text);
    CHECK(Texts(words.begin(), words.begin() + 7) == Texts{"Head", "It&#8217;s", "b</b>old", "A", "B", "x", "amp"});
}

TEST_CASE("tables and JSON lines are a document a line", "[documents]") {
    const Collection tsv = read_bytes("t.tsv", "A\t1999\tOne. Two.\nB\t2000\tThree.\n", Layout::tsv);
    CHECK(tsv.documents[1].title == "B");
    CHECK(passages(tsv) == Texts{"0:One.|Two.", "0:Three."});
    const Collection named = read_bytes("t.tsv", "text\tid\ttitle\nOne.\t7\tA\n", Layout::tsv);
    CHECK(named.documents[0].title == "A");
    const std::string lines =
        "{\"id\": \"\\\"\", \"text\": \"caf\\u00e9 \\ud83d\\ude00 \\\"x\\\"\", \"title\": \"T\"}\n";
    const Collection json = read_bytes("t.jsonl", lines, Layout::jsonl);
    CHECK(json.documents[0].title == "T");
    CHECK(passages(json) == Texts{"0:café 😀 \"x\""});
    CHECK(originals(json, lines) == Texts{"caf\\u00e9", "\\ud83d\\ude00", "x"});
    CHECK_THROWS_AS(read_bytes("t", "no columns", Layout::tsv), Error);
    CHECK_THROWS_AS(read_bytes("t", "{\"text\": 1}", Layout::jsonl), Error);
}

TEST_CASE("articles of WikiMovies are lines with numbers", "[documents]") {
    const Collection all =
        read_bytes("wiki.txt", "1 Kismet\n2 It is a film .\n3 It won .\n\n1 Heat\n2 Hot .\n", Layout::wikimovies);
    CHECK(all.documents[0].title == "Kismet");
    CHECK(passages(all) == Texts{"0:It is a film .|It won .", "0:Hot ."});
    CHECK_THROWS_AS(read_bytes("w", "Kismet", Layout::wikimovies), Error);
}

TEST_CASE("questions of SQuAD have the bytes of their answers", "[documents]") {
    const std::string text =
        R"({"version": "1", "data": [{"paragraphs": [{"qas": [{"question": "Who?", "id": "\"", "answers": [{"text": "Zoë",)"
        R"( "answer_start": 5}]}, {"question": "Why?", "answers": []}], "context": "\u00e9l\u00e9: Zo\u00eb ran."}], "title": "T"}]})";
    const Collection all = read_bytes("s.json", text, Layout::squad);
    CHECK(all.documents[0].title == "T");
    CHECK(passages(all) == Texts{"0:élé: Zoë ran."});
    REQUIRE(all.questions.size() == 2);
    REQUIRE(all.questions[0].answers.size() == 1);
    const Range answer = all.questions[0].answers[0];
    CHECK(text.substr(answer.first, answer.size()) == "Zo\\u00eb");
    CHECK(all.questions[1].answers.empty());
    CHECK_THROWS_AS(read_bytes("s", "[]", Layout::squad), Error);
    CHECK_THROWS_AS(read_bytes("s", "{", Layout::squad), Error);
}

TEST_CASE("encodings are found, and tokens are the bytes of their file", "[documents]") {
    const std::u16string wide = u"caf\u00e9 \U0001f600 end";
    std::string little, big;
    for (const char16_t c : wide) {
        little += {static_cast<char>(c & 0xff), static_cast<char>(c >> 8)};
        big += {static_cast<char>(c >> 8), static_cast<char>(c & 0xff)};
    }
    const auto check = [](const std::string& bytes, Encoding encoding, Index begin, Index size) {
        const Collection all = read_bytes("t", bytes, Layout::text);
        CHECK(all.files[0].encoding == encoding);
        CHECK(all.words[all.tokens[0].word] == "café");
        CHECK(all.tokens[0].begin == begin);
        CHECK(all.tokens[0].size == size);
    };
    check("\xff\xfe" + little, Encoding::utf16_little, 2, 8);
    check("\xfe\xff" + big, Encoding::utf16_big, 2, 8);
    check(little, Encoding::utf16_little, 0, 8);
    check(big, Encoding::utf16_big, 0, 8);
    check(
        "\xef\xbb\xbf"
        "caf\xc3\xa9",
        Encoding::utf8, 3, 5);
    check("caf\xe9 \x93x\x94", Encoding::latin1, 0, 4);
}

TEST_CASE("damaged files are told of, and files that are no text are refused", "[documents]") {
    std::vector<std::string> warnings;
    const auto warn = [&](const std::string& warning) { warnings.push_back(warning); };
    const Collection all = read_bytes("t", "caf\xc3\xa9 cut\xc3", Layout::text, warn);
    CHECK(all.tokens.size() == 2);
    CHECK(warnings == Texts{"t: 1 bytes are no character and were replaced"});
    CHECK_THROWS_AS(read_bytes("t", std::string("a\0b", 3), Layout::text), Error);
    for (const std::string open : {"<div>", "<div></x>", "<div><!--</div>-->", "<div><p title='</div>'>"}) {
        std::string nested;
        for (int i = 0; i < 20000; ++i) nested += open;
        CHECK_THROWS_AS(read_bytes("t.html", nested, Layout::html), Error);
    }
    std::string quotes(100000, '>');
    CHECK_NOTHROW(read_bytes("t.md", quotes + " deep", Layout::markdown));
}

TEST_CASE("a title has no characters that texts may not have", "[documents]") {
    const Collection all = read_bytes("t.html", "<title>A\u2028B\u2066 C</title>text <p>more", Layout::html);
    all.validate("t");
    CHECK(all.documents[0].title == "A B C");
}

TEST_CASE("a text of one line that begins with a number is a text", "[documents]") {
    CHECK(find_layout("notes.txt", "1 Introduction") == Layout::text);
    CHECK(find_layout("wiki.txt", "1 Title\n2 more\n") == Layout::wikimovies);
}

TEST_CASE("one very long line becomes passages and sentences that are short", "[documents]") {
    std::string line;
    for (int i = 0; i < 5000; ++i) line += "word ";
    const Collection all = read_bytes("t", line, Layout::text);
    all.validate("t");
    CHECK(all.tokens.size() == 5000);
    for (const Sentence& sentence : all.sentences) CHECK(sentence.tokens.size() <= 400);
    CHECK(all.passages.size() == all.sentences.size());
}

namespace {

void write(const fs::path& path, const std::string& text) {
    fs::create_directories(path.parent_path());
    replace_file(path, text);
}

}  // namespace

TEST_CASE("reading changed files again gives what reading all gives", "[documents]") {
    const test::TemporaryDirectory folder;
    const fs::path root = folder.path();
    write(root / "a.txt", "One zebra.");
    write(root / "b/c.md", "# Two\n\nwords here");
    write(root / "d.html", "<p>three</p>");
    write(root / "skipped.bin", "no");
    write(root / ".hidden/e.txt", "no");
    fs::create_directory_symlink(root, root / "b/circle");
    const std::vector<fs::path> paths{root};
    const Collection first = read_documents(paths);
    CHECK(first.files.size() == 3);
    write(root / "b/c.md", "# Changed\n\nother");
    write(root / "new.txt", "New text.");
    fs::remove(root / "a.txt");
    ReadReport report;
    const Collection again = read_documents(paths, {}, &first, &report);
    CHECK(again == read_documents(paths));
    CHECK(report.read == 2);
    CHECK(report.unchanged == 1);
    CHECK(report.removed == 1);
    CHECK(std::ranges::find(again.words, "zebra") == again.words.end());
    again.validate("again");
}

TEST_CASE("files are read alike in any order and on any number of threads", "[documents]") {
    const test::TemporaryDirectory folder;
    std::vector<fs::path> paths;
    for (int i = 0; i < 20; ++i) {
        paths.push_back(folder.path() / (std::to_string(i) + "\n\x1b[31m.txt"));
        write(paths.back(), "Text number " + std::to_string(i) + ".");
    }
    const Collection all = read_documents(paths);
    std::ranges::reverse(paths);
    for (const int threads : {1, 2, 8}) {
        const ThreadLimit limit(threads);
        CHECK(read_documents(paths) == all);
    }
}

TEST_CASE("a file that cannot be read is left out with one line", "[documents]") {
    const test::TemporaryDirectory folder;
    write(folder.path() / "good.txt", "Good.");
    write(folder.path() / "bad.txt", std::string("\0\0\0", 3));
    write(folder.path() / "bad.json", "{");
    std::vector<std::string> warnings;
    ReadReport report;
    const std::vector<fs::path> paths{folder.path()};
    const Collection all =
        read_documents(paths, {.warn = [&](const std::string& w) { warnings.push_back(w); }}, nullptr, &report);
    CHECK(all.files.size() == 1);
    CHECK(report.left_out == 2);
    REQUIRE(warnings.size() == 2);
    for (const std::string& warning : warnings) CHECK(warning.find('\n') == std::string::npos);
    fs::remove(folder.path() / "good.txt");
    CHECK_THROWS_AS(read_documents(paths), Error);
    CHECK_THROWS_AS(read_documents(std::vector<fs::path>{folder.path() / "none"}), Error);
}

TEST_CASE("a file that the system does not let read is an error unless it may be skipped", "[documents]") {
    const test::TemporaryDirectory folder;
    write(folder.path() / "good.txt", "Good.");
    const fs::path closed = "/proc/self/mem";  // closed to root, too
    if (!fs::exists(closed)) {
        WARN("skipped: this system has no " << closed);
        return;
    }
    const std::vector<fs::path> paths{folder.path(), closed};
    CHECK_THROWS_WITH(read_documents(paths), Catch::Contains("/proc/self/mem") && Catch::Contains("--skip-unreadable"));
    ReadReport report;
    CHECK(read_documents(paths, {.skip_unreadable = true}, nullptr, &report).files.size() == 1);
    CHECK(report.left_out == 1);
}

TEST_CASE("a folder that the system does not let read is an error unless it may be skipped", "[documents]") {
    const test::TemporaryDirectory folder;
    write(folder.path() / "good.txt", "Good.");
    write(folder.path() / "closed/text.txt", "Closed.");
    fs::permissions(folder.path(), fs::perms(0755));
    fs::permissions(folder.path() / "closed", fs::perms::none);
    {
        const NoRoot no_root;
        CHECK_THROWS_WITH(read_documents(std::vector{folder.path()}), Catch::Contains("closed"));
        CHECK(read_documents(std::vector{folder.path()}, {.skip_unreadable = true}).files.size() == 1);
    }
    fs::permissions(folder.path() / "closed", fs::perms::owner_all);
}
