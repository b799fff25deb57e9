//! Importers:
