//! Rust types for the contract, generated from `wit/`.
#![expect(missing_docs, reason = "generated; the documentation is in wit/")]

wasmtime::component::bindgen!({
    path: "../../wit/0.1",
    world: "all",
    imports: {
        "playrelay:plugin/http": async | trappable,
        "playrelay:plugin/kv": async | trappable,
        default: trappable,
    },
    exports: { default: async },
    additional_derives: [PartialEq, Clone, serde::Deserialize, serde::Serialize],
});
