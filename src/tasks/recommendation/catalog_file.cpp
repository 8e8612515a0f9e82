#include "tasks/recommendation/catalog_file.hpp"

#include "kvmem/core/error.hpp"

#include <algorithm>

namespace kvmem {

static Names read_names(const hdf5::Reader& file, const std::string& path) {
    Names names;
    Token next = 0;
    for (const std::string& name : file.strings(path)) {
        if (const Token number = names.add(name); number != next)
            throw Error({.what = "a name comes twice",
                         .expected = "different names",
                         .got = "'" + name + "', " + std::to_string(number) + " and " + std::to_string(next),
                         .where = file.name() + ": " + path});
        ++next;
    }
    return names;
}

static void write_names(hdf5::Writer& file, const std::string& path, const std::vector<std::string>& names) {
    file.write(path, std::span<const std::string>(names));
}

std::vector<Feature> read_features(const hdf5::Reader& file, const std::string& root) {
    std::vector<Feature> features;
    if (!file.has(root + "/feature_names")) return features;
    for (const std::string& name : file.strings(root + "/feature_names"))
        features.push_back({name, read_names(file, root + "/features/" + name)});
    return features;
}

void write_features(hdf5::Writer& file, const std::string& root, const std::vector<Feature>& features) {
    std::vector<std::string> names;
    for (const Feature& feature : features) {
        names.push_back(feature.name);
        write_names(file, root + "/features/" + feature.name, feature.values.all());
    }
    if (!names.empty()) write_names(file, root + "/feature_names", names);
}

ObjectGroup read_group(const hdf5::Reader& file, const std::string& path, const std::string& name,
                       const std::vector<Feature>& features) {
    ObjectGroup group{.name = name, .ids = read_names(file, path + "/ids"), .texts = {}, .columns = {}};
    if (file.has(path + "/texts")) group.texts = file.strings(path + "/texts");
    for (std::size_t i = 0; i < features.size(); ++i)
        if (const std::string column = path + "/features/" + features[i].name; file.has(column))
            group.columns.push_back({static_cast<Index>(i), file.ragged(column)});
    return group;
}

void write_group(hdf5::Writer& file, const std::string& path, const ObjectGroup& group,
                 const std::vector<Feature>& features) {
    write_names(file, path + "/ids", group.ids.all());
    if (!group.texts.empty()) write_names(file, path + "/texts", group.texts);
    for (const FeatureColumn& column : group.columns)
        file.write(path + "/features/" + features[static_cast<std::size_t>(column.feature)].name, column.rows);
}

std::vector<ObjectGroup> read_groups(const hdf5::Reader& file, const std::string& root,
                                     const std::vector<Feature>& features) {
    std::vector<ObjectGroup> groups;
    for (const std::string& name : file.strings(root + "/group_names"))
        groups.push_back(read_group(file, root + "/groups/" + name, name, features));
    return groups;
}

void write_groups(hdf5::Writer& file, const std::string& root, const std::vector<ObjectGroup>& groups,
                  const std::vector<Feature>& features) {
    std::vector<std::string> names;
    for (const ObjectGroup& group : groups) {
        names.push_back(group.name);
        write_group(file, root + "/groups/" + group.name, group, features);
    }
    write_names(file, root + "/group_names", names);
}

Catalog read_catalog(const hdf5::Reader& file, const std::string& root) {
    Catalog catalog;
    catalog.features = read_features(file, root);
    catalog.groups = read_groups(file, root, catalog.features);
    catalog.actions = file.strings(root + "/actions");
    const std::string items = file.attribute(root, "items");
    const auto group = std::ranges::find(catalog.groups, items, &ObjectGroup::name);
    if (group == catalog.groups.end())
        throw Error({.what = "the group of the items is not there",
                     .expected = "the name of a group as the attribute 'items'",
                     .got = items,
                     .where = file.name() + ": " + root});
    catalog.group = group - catalog.groups.begin();
    // The checks of a data set hold for its parts.
    EventsDataset dataset;
    dataset.users.name = "user";
    dataset.features = catalog.features;
    dataset.groups = catalog.groups;
    dataset.actions = catalog.actions;
    dataset.validate(file.name());
    return catalog;
}

void write_catalog(hdf5::Writer& file, const std::string& root, const Catalog& catalog) {
    write_features(file, root, catalog.features);
    write_groups(file, root, catalog.groups, catalog.features);
    write_names(file, root + "/actions", catalog.actions);
    file.attribute(root, "items", catalog.objects().name);
}

}  // namespace kvmem
