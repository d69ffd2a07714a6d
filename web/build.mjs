// Bundles the report into dist/report.html: one file, nothing fetched. With --tests, bundles the tests for `node --test`.
import { build } from 'esbuild'
import { mkdir, readFile, readdir, rename, writeFile } from 'node:fs/promises'

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
  await mkdir('dist', { recursive: true })
  await writeFile('dist/report.html.tmp', page)
  await rename('dist/report.html.tmp', 'dist/report.html')
  console.log(`dist/report.html: ${Math.round(page.length / 1024)} KB`)
}
