// Questions to documents: kvmem beside SQLite's FTS5 and Xapian, on the same sentences, in one run on one thread.
//
//   bench_documents PATH...
//
// A path is a file of SQuAD's layout, or a folder, whose headings are then asked. Peers index each sentence with its
// title, with stems, and rank by their own BM25; a hit is a sentence that holds a part of the answer. The index is what
// each writes to disk, with the texts.
#include "kvmem/core/parallel.hpp"
#include "kvmem/tasks/qa/dataset.hpp"
#include "kvmem/tasks/qa/documents/read.hpp"
#include "kvmem/tasks/qa/documents/search.hpp"
#include "kvmem/text/tokenizer.hpp"

#ifdef KVMEM_BENCH_SQLITE3
#include <sqlite3.h>
#endif
#ifdef KVMEM_BENCH_XAPIAN
#include <xapian.h>
#endif

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <stdexcept>

namespace {

namespace fs = std::filesystem;
using namespace kvmem;
using namespace kvmem::documents;

using Ranking = std::vector<Index>;  // sentences, the best first

// An engine with its index.
struct Engine {
    std::string name;
    double build_seconds = 0;
    std::uintmax_t bytes = 0;
    std::function<Ranking(const std::string& question)> ask{};
};

double seconds_of(const std::function<void()>& run) {
    const auto begin = std::chrono::steady_clock::now();
    run();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

std::uintmax_t size_of(const fs::path& path) {
    if (fs::is_regular_file(path)) return fs::file_size(path);
    std::uintmax_t bytes = 0;
    for (const auto& entry : fs::recursive_directory_iterator(path))
        if (entry.is_regular_file()) bytes += entry.file_size();
    return bytes;
}

std::string title_of(const Collection& all, Index sentence) {
    return all.documents[all.document_of(all.passage_of(sentence))].title;
}

Engine kvmem_engine(const Collection& all, const fs::path& folder) {
    Engine engine{.name = "kvmem"};
    QaDataset dataset;
    const fs::path path = folder / "documents.h5";
    engine.build_seconds = seconds_of([&] {
        auto corpus = std::make_shared<Corpus>();
        corpus->collection = all;
        corpus->postings = make_postings(corpus->collection);
        dataset.documents = corpus;
        save_dataset(dataset, path);
    });
    engine.bytes = size_of(path);
    const auto search = std::make_shared<Search>(load_documents(path));
    engine.ask = [search](const std::string& question) {
        Ranking ranking;
        for (const FoundAnswer& answer : search->ask(question, {.answers = 10}).answers)
            ranking.push_back(answer.sentence);
        return ranking;
    };
    return engine;
}

#ifdef KVMEM_BENCH_SQLITE3
void require(bool holds, sqlite3* base) {
    if (!holds) throw std::runtime_error(sqlite3_errmsg(base));
}

Engine sqlite_engine(const Collection& all, const fs::path& folder) {
    Engine engine{.name = "SQLite FTS5"};
    const fs::path path = folder / "sqlite.db";
    sqlite3* base = nullptr;
    require(sqlite3_open(path.c_str(), &base) == SQLITE_OK, base);
    const auto run = [=](const char* sql) {
        require(sqlite3_exec(base, sql, nullptr, nullptr, nullptr) == SQLITE_OK, base);
    };
    engine.build_seconds = seconds_of([&] {
        run("create virtual table t using fts5(title, text, tokenize = 'porter unicode61'); begin");
        sqlite3_stmt* insert = nullptr;
        sqlite3_prepare_v2(base, "insert into t(rowid, title, text) values (?, ?, ?)", -1, &insert, nullptr);
        for (Index s = 0; s < std::ssize(all.sentences); ++s) {
            const std::string title = title_of(all, s), text(all.text_of(all.sentences[s]));
            sqlite3_bind_int64(insert, 1, s + 1);
            sqlite3_bind_text(insert, 2, title.data(), static_cast<int>(title.size()), SQLITE_TRANSIENT);
            sqlite3_bind_text(insert, 3, text.data(), static_cast<int>(text.size()), SQLITE_TRANSIENT);
            require(sqlite3_step(insert) == SQLITE_DONE, base);
            sqlite3_reset(insert);
        }
        sqlite3_finalize(insert);
        run("commit; insert into t(t) values ('optimize'); vacuum");
    });
    engine.bytes = size_of(path);
    sqlite3_stmt* select = nullptr;
    sqlite3_prepare_v2(base, "select rowid from t where t match ? order by bm25(t, 0.5, 1.0) limit 10", -1, &select,
                       nullptr);
    engine.ask = [select](const std::string& question) {
        std::string query;
        for (const Word& word : split_words(question)) query += (query.empty() ? "\"" : " OR \"") + word.text + "\"";
        Ranking ranking;
        sqlite3_bind_text(select, 1, query.data(), static_cast<int>(query.size()), SQLITE_TRANSIENT);
        while (sqlite3_step(select) == SQLITE_ROW) ranking.push_back(sqlite3_column_int64(select, 0) - 1);
        sqlite3_reset(select);
        return ranking;
    };
    return engine;
}
#endif

#ifdef KVMEM_BENCH_XAPIAN
Engine xapian_engine(const Collection& all, const fs::path& folder) {
    Engine engine{.name = "Xapian"};
    const std::string path = folder / "xapian";
    engine.build_seconds = seconds_of([&] {
        Xapian::WritableDatabase base(path, Xapian::DB_CREATE_OR_OVERWRITE);
        Xapian::TermGenerator terms;
        terms.set_stemmer(Xapian::Stem("en"));
        for (Index s = 0; s < std::ssize(all.sentences); ++s) {
            Xapian::Document document;
            terms.set_document(document);
            terms.index_text(title_of(all, s));
            terms.increase_termpos();
            const std::string text(all.text_of(all.sentences[s]));
            terms.index_text(text);
            document.set_data(text);
            base.add_document(document);
        }
        base.commit();
    });
    {
        Xapian::Database(path).compact(path + "-compact");
        engine.bytes = size_of(path + "-compact");
    }
    const auto base = std::make_shared<Xapian::Database>(path + "-compact");
    engine.ask = [base](const std::string& question) {
        const Xapian::Stem stem("en");
        std::vector<std::string> terms;
        for (const Word& word : split_words(question)) terms.push_back("Z" + stem(word.text));
        Xapian::Enquire enquire(*base);
        enquire.set_query(Xapian::Query(Xapian::Query::OP_OR, terms.begin(), terms.end()));
        Ranking ranking;
        const Xapian::MSet found = enquire.get_mset(0, 10);
        for (auto hit = found.begin(); hit != found.end(); ++hit) ranking.push_back(static_cast<Index>(*hit) - 1);
        return ranking;
    };
    return engine;
}
#endif

std::vector<Engine> engines(const Collection& all, const fs::path& folder) {
    std::vector<Engine> list{kvmem_engine(all, folder)};
#ifdef KVMEM_BENCH_SQLITE3
    list.push_back(sqlite_engine(all, folder));
#endif
#ifdef KVMEM_BENCH_XAPIAN
    list.push_back(xapian_engine(all, folder));
#endif
    return list;
}

double reciprocal_rank(const Collection& all, const Question& question, const Ranking& ranking) {
    for (std::size_t i = 0; i < ranking.size(); ++i) {
        const Range bytes = all.sentences[ranking[i]].bytes;
        for (const Range answer : question.answers)
            if (answer.first < bytes.last && bytes.first < answer.last) return 1 / static_cast<double>(i + 1);
    }
    return 0;
}

// Asks all questions, round by round with each engine in turn, and prints a row for each.
void compare(const Collection& all, const std::string& name, int rounds, const fs::path& folder) {
    std::vector<Engine> list = engines(all, folder);
    std::vector<double> best(list.size(), 1e9), ranks(list.size(), 0);
    const std::vector<Question> questions = [&] {
        if (!all.questions.empty()) return all.questions;
        std::vector<Question> made;  // without questions: headings are asked, and nothing counts as a hit
        for (const Passage& passage : all.passages)
            if (passage.kind == PassageKind::heading && made.size() < 1000)
                made.push_back({std::string(all.text_of(all.sentences[passage.sentences.first])), 0, {}});
        return made;
    }();
    for (int round = 0; round < rounds; ++round)
        for (std::size_t e = 0; e < list.size(); ++e) {
            ranks[e] = 0;
            best[e] = std::min(best[e], seconds_of([&] {
                                   for (const Question& question : questions)
                                       ranks[e] += reciprocal_rank(all, question, list[e].ask(question.text));
                               }));
        }
    std::printf("%s: %zu sentences, %zu questions\n", name.c_str(), all.sentences.size(), questions.size());
    const auto count = static_cast<double>(questions.size());
    for (std::size_t e = 0; e < list.size(); ++e)
        std::printf("  %-12s MRR@10 %.3f   %8.0f questions/s   index %7.2f MB   built in %6.2f s\n",
                    list[e].name.c_str(), ranks[e] / count, count / best[e], static_cast<double>(list[e].bytes) / 1e6,
                    list[e].build_seconds);
}

}  // namespace

int main(int count, char** values) {
    try {
        const ThreadLimit one(1);
        for (int i = 1; i < count; ++i) {
            const fs::path folder = fs::temp_directory_path() / ("kvmem-bench-" + std::to_string(i));
            fs::remove_all(folder);
            fs::create_directories(folder);
            const std::vector<fs::path> paths{values[i]};
            compare(read_documents(paths), values[i], 3, folder);
            fs::remove_all(folder);
        }
        return count > 1 ? 0 : 2;
    } catch (const std::exception& e) {
        std::fprintf(stderr, "bench_documents: %s\n", e.what());
        return 1;
    }
}
