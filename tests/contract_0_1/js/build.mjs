// Makes a component out of src/plugin.js. `playrelay plugin build` runs this, and adds the manifest.
import { componentize } from '@bytecodealliance/componentize-js';
import { mkdirSync, writeFileSync } from 'node:fs';

const { component } = await componentize({
  sourcePath: 'src/plugin.js',
  witPath: 'wit',
  worldName: 'plugin',
  // A plugin reaches the world through the contract alone.
  disableFeatures: ['random', 'stdio', 'clocks', 'http', 'fetch-event'],
});
mkdirSync('build', { recursive: true });
writeFileSync('build/code.wasm', component);
