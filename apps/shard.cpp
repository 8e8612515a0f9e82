// kvmem shard DATA: deals a data set of documents or facts to several files, which several machines may hold.
#include "kvmem/core/file.hpp"
#include "kvmem/tasks/qa/documents/postings.hpp"
#include "kvmem/tasks/qa/shards.hpp"
#include "output.hpp"
#include "program.hpp"
#include "task_table.hpp"

#include <algorithm>
#include <iostream>

namespace kvmem::apps {

namespace fs = std::filesystem;

static const char* const about_shard =
    "Deals a data set of documents, or of a memory that all questions share, to N files; slots that were read from\n"
    "documents go with these. MANIFEST, like wiki.json, names the files and says what each must hold; a file like\n"
    "wiki.0-of-4.h5 lies beside it for each shard. Every verb reads a manifest as the data set that was dealt.\n"
    "'mpirun kvmem ask' has a few shards on each machine, and 'kvmem serve' serves one; answers are the same as\n"
    "those of one file.";

static void require_shard_outputs(const std::string& output, const std::string& data, Index shards) {
    require_output(output, "kvmem-qa-shards", {data});
    const fs::path target = behind_links(output);
    for (Index i = 0; i < shards; ++i)
        require_output(target.parent_path() / shard_file_name(target, i, shards), "kvmem-qa", {data});
}

int run_shard(const Arguments& arguments) {
    Index shards = 0;
    CommandLine line{.usage = "kvmem shard DATA -o MANIFEST --shards N", .about = about_shard, .positional = {"data"}};
    line.options.add_options()                                                           //
        ("output,o", po::value<std::string>(), "the manifest to write, like wiki.json")  //
        ("shards", po::value(&shards)->default_value(0), "files to deal the data set to, 1 to 1024");
    po::variables_map values;
    if (!parse(line, arguments, values)) return 0;
    const std::string data = required(values, "data", "a data set of documents or facts");
    const std::string output = required(values, "output", "the manifest to write");
    require_at_least(shards, 1, "shards");
    if (task_of_data(data).data_format != std::string_view("kvmem-qa"))
        throw Error({.what = "this data set is not dealt to shards",
                     .expected = "one of documents or facts",
                     .got = format_of_file(data),
                     .where = data});
    require_shard_outputs(output, data, shards);
    const std::vector<QaDataset> dealt = deal(load_dataset(data), shards);
    save_shards(dealt, output);
    const bool has_slots = std::ranges::any_of(dealt, [](const QaDataset& shard) { return shard.memory.size() > 0; });
    std::cerr << output << ": " << plural(shards, "shard");
    for (const QaDataset& shard : dealt) {
        std::cerr << (&shard == dealt.data() ? " of " : ", ");
        if (shard.documents) std::cerr << plural(std::ssize(shard.documents->collection.documents), "document");
        if (shard.documents && has_slots) std::cerr << " with ";
        if (!shard.documents || has_slots) std::cerr << plural(shard.memory.size(), "memory slot");
    }
    std::cerr << "\n";
    return 0;
}

}  // namespace kvmem::apps
