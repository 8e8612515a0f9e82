// Importer of the bAbI tasks (Weston et al. 2015, "Towards AI-Complete Question Answering"): stories with questions.
#include "tasks/qa/import/builder.hpp"
#include "tasks/qa/import/sources.hpp"

#include "kvmem/core/number.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace kvmem {

namespace fs = std::filesystem;

// The number, from 1, that is the whole text; nothing for other texts.
static std::optional<Index> number_in(std::string_view text) {
    const std::optional<Index> number = number_of<Index>(text);
    return number && *number >= 1 ? number : std::nullopt;
}

std::optional<BabiName> babi_name(std::string_view file) {
    if (!file.starts_with("qa") || !file.ends_with(".txt")) return std::nullopt;
    file.remove_prefix(2);
    file.remove_suffix(4);
    const std::size_t digits = file.find('_'), last = file.rfind('_');
    if (digits == std::string_view::npos) return std::nullopt;
    const auto task = number_in(file.substr(0, digits));
    const std::string_view split = file.substr(last + 1);
    if (!task || (split != "train" && split != "valid" && split != "test")) return std::nullopt;
    std::string name = "qa" + std::to_string(*task);
    if (last > digits) name += "_" + std::string(file.substr(digits + 1, last - digits - 1));
    return BabiName{*task, std::move(name), std::string(split)};
}

namespace {

// The part of a story before the next line.
struct Story {
    std::map<Index, Index> slot_of;  // by the number of the line
    std::vector<RawQuestion::Slot> slots;

    std::vector<Index> support(std::string_view numbers, const Location& loc) const {
        std::vector<Index> slots_read;
        for (const std::string_view field : split_fields(numbers, ' ')) {
            if (field.empty()) continue;
            const auto line = number_in(field);
            const auto slot = line ? slot_of.find(*line) : slot_of.end();
            if (slot == slot_of.end())
                throw loc.error("no such supporting line", "the number of a line of this story", std::string(field));
            slots_read.push_back(slot->second);
        }
        return slots_read;
    }
};

}  // namespace

static void read_stories(DatasetBuilder& builder, const BabiSource& file, Index& stories,
                         const ImportOptions& options) {
    const Index task = builder.task(file.name.task);
    Story story;
    Index last = 0;
    for_each_line(file.source, options, [&](std::string_view line, const Location& loc) {
        const std::size_t blank = std::min(line.find(' '), line.size());
        const auto number = number_in(line.substr(0, blank));
        if (!number) throw loc.error("not a line of a story", "'NUMBER text'", std::string(line.substr(0, 40)));
        if (*number <= last && *number != 1)
            throw loc.error("the lines are not in order", "1, or above " + std::to_string(last),
                            std::to_string(*number));
        if (*number == 1) {
            story = {};
            ++stories;
        }
        last = *number;
        const std::vector<std::string_view> fields = split_fields(line.substr(blank), '\t');
        if (fields.size() == 1) {
            story.slot_of[*number] = std::ssize(story.slots);
            story.slots.push_back({builder.text(fields[0]), std::nullopt});
            return;
        }
        if (fields.size() > 3)
            throw loc.error("not a question", "question<TAB>answer<TAB>supporting lines",
                            counted_fields(fields.size()));
        RawQuestion::LocalMemory local{story.slots, {}, stories};
        if (fields.size() == 3) local.support = story.support(fields[2], loc);
        // An answer of several parts, "milk,football", is one answer: the field's convention.
        builder.add_question(file.name.split, {.loc = loc,
                                               .text = builder.keep(fields[0]),
                                               .answers = builder.answers({fields[1]}, loc),
                                               .task = task,
                                               .local = std::make_unique<RawQuestion::LocalMemory>(std::move(local))});
    });
}

QaDataset babi_from(const std::vector<BabiSource>& files, const ImportOptions& options) {
    DatasetBuilder builder(options);
    Index stories = 0;
    for (const BabiSource& file : files) read_stories(builder, file, stories, options);
    return builder.finish({.avoid_common_words = false});
}

// Adds the files of a folder, by task and split, unless an earlier folder has a file for the same ones.
static void find_files(const fs::path& folder,
                       std::map<std::pair<Index, std::string>, std::pair<BabiName, fs::path>>& found) {
    std::error_code failed;
    const auto before = found;
    for (fs::directory_iterator at(folder, failed); !failed && at != fs::directory_iterator(); at.increment(failed)) {
        const fs::path path = at->path();
        auto name = babi_name(path.filename().string());
        if (!name) continue;
        const std::pair key{name->number, name->split};
        if (before.count(key)) continue;
        const auto [first, added] = found.emplace(key, std::pair{std::move(*name), path});
        if (!added)
            throw error_in(folder.string(), "two files of one task", "one for each task and split",
                           first->second.second.filename().string() + " and " + path.filename().string());
    }
    if (failed) throw error_in(folder.string(), "cannot read the folder", "a folder of bAbI tasks", failed.message());
}

static void require_tasks(const std::vector<Index>& tasks, const std::set<Index>& there, const fs::path& folder) {
    for (const Index task : tasks)
        if (!there.count(task))
            throw error_in(folder.string(), "no such task",
                           "a file qa" + std::to_string(task) + "_..._train.txt, _valid.txt or _test.txt", "none");
    if (there.empty())
        throw error_in(folder.string(), "no bAbI tasks here",
                       "files like qa1_train.txt or qa1_single-supporting-fact_train.txt", "none");
}

QaDataset import_babi(const std::vector<fs::path>& folders, const std::vector<Index>& tasks,
                      const ImportOptions& options) {
    require_valid_fraction(options);
    if (folders.empty()) throw usage_error("nothing to import", "a folder of bAbI tasks");
    std::map<std::pair<Index, std::string>, std::pair<BabiName, fs::path>> found;
    for (const fs::path& folder : folders) find_files(folder, found);
    std::set<Index> there;
    for (const auto& [key, file] : found) there.insert(key.first);
    require_tasks(tasks, there, folders.front());
    std::map<Index, std::string> names;  // the longest name of each task, since its files may differ
    for (const auto& [key, file] : found)
        if (file.first.task.size() > names[key.first].size()) names[key.first] = file.first.task;
    std::vector<BabiSource> files;
    for (auto& [key, file] : found) {
        if (!tasks.empty() && std::find(tasks.begin(), tasks.end(), key.first) == tasks.end()) continue;
        if (options.valid_fraction > 0 && key.second == "valid")
            throw usage_error("validation questions are asked for twice",
                              "files of them or a fraction of the training questions", "both", file.second.string(),
                              "leave --valid-fraction out");
        file.first.task = names[key.first];
        files.push_back({std::move(file.first), *read_source(file.second)});
    }
    return babi_from(files, options);
}

}  // namespace kvmem
