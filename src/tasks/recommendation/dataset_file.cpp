// The file kvmem-events, version 1, as datasets/README.md specifies it.
#include "kvmem/core/error.hpp"
#include "kvmem/io/hdf5.hpp"
#include "kvmem/tasks/recommendation/dataset.hpp"
#include "tasks/recommendation/catalog_file.hpp"

namespace kvmem {

static constexpr const char* format = "kvmem-events";
static constexpr int version = 1;

static Events read_events(const hdf5::Reader& file) {
    Events events;
    events.user_offsets = file.int64s("/events/user_offsets");
    events.group = file.bytes("/events/group");
    events.object = file.int32s("/events/object");
    events.action = file.bytes("/events/action");
    events.time = file.int64s("/events/time");
    for (const std::uint8_t mark : file.bytes("/events/mark")) events.mark.push_back(static_cast<EventMark>(mark));
    if (file.has("/events/basket")) events.basket = file.int32s("/events/basket");
    const auto numbers = [&file](const char* path) {
        return file.has(path) ? file.doubles(path) : std::vector<double>();
    };
    events.value = numbers("/events/value");
    events.true_probability = numbers("/events/true_probability");
    events.true_rank = numbers("/events/true_rank");
    return events;
}

static void write_events(hdf5::Writer& file, const Events& events) {
    file.write("/events/user_offsets", std::span<const Index>(events.user_offsets));
    file.write("/events/group", std::span<const std::uint8_t>(events.group));
    file.write("/events/object", std::span<const Token>(events.object));
    file.write("/events/action", std::span<const std::uint8_t>(events.action));
    file.write("/events/time", std::span<const Index>(events.time));
    std::vector<std::uint8_t> marks;
    for (const EventMark mark : events.mark) marks.push_back(static_cast<std::uint8_t>(mark));
    file.write("/events/mark", std::span<const std::uint8_t>(marks));
    if (!events.basket.empty()) file.write("/events/basket", std::span<const Token>(events.basket));
    const auto write = [&file](const char* path, const std::vector<double>& numbers) {
        if (!numbers.empty()) file.write(path, std::span<const double>(numbers));
    };
    write("/events/value", events.value);
    write("/events/true_probability", events.true_probability);
    write("/events/true_rank", events.true_rank);
}

static EventsDataset read(const hdf5::Reader& file) {
    EventsDataset dataset;
    dataset.info = read_info(file);
    dataset.features = read_features(file, "");
    dataset.users = read_group(file, "/users", "user", dataset.features);
    dataset.groups = read_groups(file, "", dataset.features);
    dataset.actions = file.strings("/actions");
    dataset.events = read_events(file);
    dataset.validate(file.name());
    return dataset;
}

EventsDataset load_events(const std::filesystem::path& path) { return read(hdf5::Reader(path, format, version)); }

EventsDataset load_events(std::span<const std::byte> bytes, const std::string& name) {
    return read(hdf5::Reader(bytes, name, format, version));
}

void save_events(const EventsDataset& dataset, const std::filesystem::path& path) {
    dataset.validate(path.string());
    hdf5::Writer file(format, version);
    write_info(file, dataset.info);
    write_features(file, "", dataset.features);
    write_group(file, "/users", dataset.users, dataset.features);
    write_groups(file, "", dataset.groups, dataset.features);
    file.write("/actions", std::span<const std::string>(dataset.actions));
    write_events(file, dataset.events);
    file.save(path);
}

}  // namespace kvmem
