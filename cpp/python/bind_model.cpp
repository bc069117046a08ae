// Structures, mixtures, statistics.
#include "m_step/linear_algebra.hpp"
#include "python/values.hpp"

namespace mixtura::python {
namespace {

// Name, first number, shape and whether it is one a component, of each sum.
nb::list sums_of(const SumLayout& layout) {
    nb::list sums;
    for (const NamedSum& sum : sums_in(layout)) {
        nb::list shape;
        for (const std::ptrdiff_t n : sum.shape) shape.append(n);
        sums.append(nb::make_tuple(sum.name, sum.begin, nb::tuple(shape), sum.is_by_component));
    }
    return sums;
}

nb::tuple about(Structure structure, const Doubles& centres, const Doubles& block, const Doubles& new_centres) {
    OwnedStatistics statistics = as_statistics(structure, centres, block);
    require_shape("new_centres", new_centres, shape_of(centres));
    statistics.move_to({new_centres.data(), new_centres.data() + new_centres.size()});
    return as_arrays(std::move(statistics));
}

void eigen(const MutableDoubles& matrix, const MutableDoubles& values, const MutableDoubles& vectors) {
    const auto d = static_cast<std::ptrdiff_t>(values.size());
    require_shape("values", values, {d});
    require_shape("matrix", matrix, {d, d});
    require_shape("vectors", vectors, {d, d});
    without_gil(1, [&](Control&) { mixtura::eigen(matrix.data(), d, values.data(), vectors.data()); });
}

}  // namespace

void bind_model(nb::module_& m) {
    nb::enum_<Structure>(m, "Structure")
        .value("full", Structure::full)
        .value("tied", Structure::tied)
        .value("diag", Structure::diag)
        .value("spherical", Structure::spherical);
    nb::enum_<Model>(m, "Model", "The 14 models of Celeux & Govaert 1995.")
        .value("EII", Model::EII)
        .value("VII", Model::VII)
        .value("EEI", Model::EEI)
        .value("VEI", Model::VEI)
        .value("EVI", Model::EVI)
        .value("VVI", Model::VVI)
        .value("EEE", Model::EEE)
        .value("VEE", Model::VEE)
        .value("EVE", Model::EVE)
        .value("VVE", Model::VVE)
        .value("EEV", Model::EEV)
        .value("VEV", Model::VEV)
        .value("EVV", Model::EVV)
        .value("VVV", Model::VVV);
    nb::class_<MixtureArrays>(m, "Mixture", "A mixture's arrays; covariances None: only its E-steps are asked for.")
        .def(nb::init<Structure, const Doubles&, const Doubles&, const std::optional<Doubles>&, const Doubles&,
                      const std::optional<Doubles>&, const std::optional<NoiseValues>&,
                      const std::optional<PosteriorArrays>&>(),
             "structure"_a, "weights"_a, "means"_a, "covariances"_a.none(), "precisions_cholesky"_a,
             "df"_a.none() = nb::none(), "noise"_a.none() = nb::none(), "posterior"_a.none() = nb::none());
    nb::class_<SumLayout>(m, "SumLayout", "Which sums there are in a block of statistics, and where.")
        .def(
            "__init__",
            [](SumLayout* self, Structure structure, std::ptrdiff_t n_components, std::ptrdiff_t n_features,
               bool has_scales) {
                const Sizes sizes(structure, n_components, n_features);
                new (self) SumLayout{structure, sizes.k, sizes.d, has_scales};
            },
            "structure"_a, "n_components"_a, "n_features"_a, "has_scales"_a = false)
        .def_prop_ro("size", &SumLayout::size, "Numbers in the block.")
        .def_prop_ro("sums", &sums_of, "(name, first number, shape, whether it is one a component) of each sum.");
    m.def("about", &about, "structure"_a, "centres"_a, "block"_a, "new_centres"_a,
          "The same sums about other centres: (centres, block).");
    m.def("eigen", &eigen, "matrix"_a.noconvert(), "values"_a.noconvert(), "vectors"_a.noconvert(),
          "Eigenvalues of a symmetric matrix, descending, and eigenvectors as rows; destroys the matrix.");
}

}  // namespace mixtura::python
