#include "tasks/recommendation/catalog_file.hpp"

#include "kvmem/core/error.hpp"

#include <algorithm>

namespace kvmem {

static Names read_names(const hdf5::Reader& file, const std::string& path) {
    Names names;
    Token next = 0;
    for (const std::string& name : file.strings(path))
        if (names.add(name) != next++)
            throw Error({.what = "a name comes twice",
                         .expected = "different names",
                         .got = name,
                         .where = file.name() + ": " + path});
    return names;
}

static void write_names(hdf5::Writer& file, const std::string& path, const std::vector<std::string>& names) {
    file.write(path, std::span<const std::string>(names));
}

static ObjectGroup read_group(const hdf5::Reader& file, const std::string& path, const std::string& name,
                              const std::vector<Feature>& features) {
    ObjectGroup group{.name = name, .ids = read_names(file, path + "/ids"), .texts = {}, .columns = {}};
    if (file.has(path + "/texts")) group.texts = file.strings(path + "/texts");
    for (std::size_t i = 0; i < features.size(); ++i)
        if (const std::string column = path + "/features/" + features[i].name; file.has(column))
            group.columns.push_back({static_cast<Index>(i), file.ragged(column)});
    return group;
}

Catalog read_catalog(const hdf5::Reader& file, const std::string& root) {
    Catalog catalog;
    if (file.has(root + "/feature_names"))
        for (const std::string& name : file.strings(root + "/feature_names"))
            catalog.features.push_back({name, read_names(file, root + "/features/" + name)});
    for (const std::string& name : file.strings(root + "/group_names"))
        catalog.groups.push_back(read_group(file, root + "/groups/" + name, name, catalog.features));
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
    std::vector<std::string> features, groups;
    for (const Feature& feature : catalog.features) {
        features.push_back(feature.name);
        write_names(file, root + "/features/" + feature.name, feature.values.all());
    }
    if (!features.empty()) write_names(file, root + "/feature_names", features);
    for (const ObjectGroup& group : catalog.groups) {
        const std::string path = root + "/groups/" + group.name;
        groups.push_back(group.name);
        write_names(file, path + "/ids", group.ids.all());
        if (!group.texts.empty()) write_names(file, path + "/texts", group.texts);
        for (const FeatureColumn& column : group.columns)
            file.write(path + "/features/" + catalog.features[column.feature].name, column.rows);
    }
    write_names(file, root + "/group_names", groups);
    write_names(file, root + "/actions", catalog.actions);
    file.attribute(root, "items", catalog.objects().name);
}

}  // namespace kvmem
