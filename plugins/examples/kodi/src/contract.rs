//! The types and functions of the contract, generated from `wit/`.

wit_bindgen::generate!({ path: "wit", world: "plugin", generate_all });
