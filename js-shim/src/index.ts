// The entry that the bundler asks for. Perses loads `./PersAIExplorer` through the federation manifest instead.
export {};
