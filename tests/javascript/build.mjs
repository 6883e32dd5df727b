// Builds the sink as a component. WIT names the folder with the contract.
import { componentize } from '@bytecodealliance/componentize-js';
import { cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';

// The plugin's own package, with the contract as its dependency: how a third party would lay it out.
rmSync('wit', { recursive: true, force: true });
mkdirSync('wit/deps', { recursive: true });
cpSync(process.env.WIT, 'wit/deps/playrelay-plugin', { recursive: true });
writeFileSync('wit/world.wit', `package example:notebook;

world notebook {
    include playrelay:plugin/imports@0.1.0;
    export playrelay:plugin/sink@0.1.0;
}
`);

const { component } = await componentize({
  sourcePath: 'notebook.js',
  witPath: 'wit',
  worldName: 'notebook',
  disableFeatures: ['random', 'stdio', 'clocks', 'http', 'fetch-event'],
});
writeFileSync('notebook.wasm', component);
