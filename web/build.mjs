// Bundles the pages into page/, or the folder after --out: single files, nothing fetched. With --tests,
// bundles the tests for `node --test`.
import { build } from 'esbuild'
import { mkdir, readFile, readdir, rename, writeFile } from 'node:fs/promises'

/** A page's HTML, and the script and style that go into it. */
const pages = [
  { name: 'report.html', script: 'main.ts', style: 'style.css' },
  { name: 'serve.html', script: 'serve.ts', style: 'serve.css' },
]

const bundle = async (entry, options) => (await build({
  entryPoints: [entry], bundle: true, minify: true, write: false, charset: 'utf8', logLevel: 'warning', ...options,
})).outputFiles[0].text.trim()

if (process.argv.includes('--tests')) {
  const tests = (await readdir('test')).filter(name => name.endsWith('.test.ts'))
  await build({
    entryPoints: tests.map(name => `test/${name}`), outdir: 'out-tests', outExtension: { '.js': '.mjs' },
    bundle: true, platform: 'node', format: 'esm', logLevel: 'warning',
  })
} else {
  const out = process.argv.indexOf('--out')
  const folder = out > 0 ? process.argv[out + 1] : 'page'
  await mkdir(folder, { recursive: true })
  for (const page of pages) {
    const script = await bundle(`src/${page.script}`, { format: 'iife', target: 'es2022' })
    const style = await bundle(`src/${page.style}`, { target: 'chrome111' })
    if (/<\/script|<!--/i.test(script)) throw new Error('The bundled script holds text that would end its own element.')
    const text = (await readFile(`src/${page.name}`, 'utf8')).replace('/*style*/', () => style).replace('/*script*/', () => script)
    const file = `${folder}/${page.name}`
    await writeFile(`${file}.tmp`, text)
    await rename(`${file}.tmp`, file)
    console.log(`${file}: ${Math.round(text.length / 1024)} KB`)
  }
}
