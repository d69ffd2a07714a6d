// Bundles the report into page/report.html, or the file after --out: one file, nothing fetched. With --tests, bundles the tests for `node --test`.
import { build } from 'esbuild'
import { mkdir, readFile, readdir, rename, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'

if (process.argv.includes('--tests')) {
  const tests = (await readdir('test')).filter(name => name.endsWith('.test.ts'))
  await build({
    entryPoints: tests.map(name => `test/${name}`), outdir: 'out-tests', outExtension: { '.js': '.mjs' },
    bundle: true, platform: 'node', format: 'esm', logLevel: 'warning',
  })
} else {
  const bundle = async (entry, options) =>
    (await build({ entryPoints: [entry], bundle: true, minify: true, write: false, charset: 'utf8', logLevel: 'warning', ...options })).outputFiles[0].text.trim()
  const script = await bundle('src/main.ts', { format: 'iife', target: 'es2022' })
  const style = await bundle('src/style.css', { target: 'chrome111' })
  if (/<\/script|<!--/i.test(script)) throw new Error('The bundled script holds text that would end its own element.')

  const page = (await readFile('src/report.html', 'utf8')).replace('/*style*/', () => style).replace('/*script*/', () => script)
  const at = process.argv.indexOf('--out')
  const file = at > 0 ? process.argv[at + 1] : 'page/report.html'
  await mkdir(dirname(file), { recursive: true })
  await writeFile(`${file}.tmp`, page)
  await rename(`${file}.tmp`, file)
  console.log(`${file}: ${Math.round(page.length / 1024)} KB`)
}
