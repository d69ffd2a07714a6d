// Uses the page of pav serve in Chromium as a person would: node test/serve-page.mjs URL KEY BROWSER. Says "all is well", or what is not.
import assert from 'node:assert/strict'
import { chromium } from 'playwright-core'

const [url, key, executablePath] = process.argv.slice(2)
const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu'] })
const page = await browser.newPage({ viewport: { width: 1300, height: 1000 } })
page.setDefaultTimeout(15_000)
const complaints = [], foreign = []
page.on('pageerror', error => complaints.push(error.message))
page.on('request', request => { if (!request.url().startsWith(url) && !request.url().startsWith('data:')) foreign.push(request.url()) })
const status = page.getByRole('status'), search = page.getByRole('button', { name: 'Search', exact: true })
const says = (pattern, what = status) => what.filter({ hasText: pattern }).waitFor()
const field = (name, scope = page) => scope.getByLabel(name, { exact: true })
const number = async lane => Number((await lane.locator('.spent').textContent()).replaceAll(',', '').match(/(\d+) tokens/)[1])

try {
  // A key is asked for, kept in memory only, and another one is refused.
  await page.goto(url)
  const keyField = page.getByLabel(/^Key of this server/)
  await says(/wants its key/, page.getByRole('alert').first())
  await keyField.fill('another')
  await keyField.press('Enter')
  await says(/not this server/, page.getByRole('alert').first())
  await keyField.fill(key)
  await keyField.press('Enter')
  await page.locator('button.main:enabled').waitFor()
  assert.equal(await keyField.isVisible(), false)
  assert.deepEqual(await page.evaluate(() => [localStorage.length, sessionStorage.length, document.cookie]), [0, 0, ''])

  // All fields have names, and Tab goes through them in the order of reading.
  const nameless = await page.evaluate(() => [...document.querySelectorAll('input, select, textarea')]
    .filter(e => e.labels.length === 0 || e.labels[0].textContent.trim() === '').map(e => e.id))
  assert.deepEqual(nameless, [])
  await field('Problem').focus()
  const order = []
  for (let i = 0; i < 10; i++) {
    order.push(await page.evaluate(() => document.activeElement.id || document.activeElement.textContent))
    await page.keyboard.press('Tab')
  }
  assert.deepEqual(order, ['problem', 'pick', 'answer', 'first-method', 'first-n', 'compare', 'seed', 'alpha', 'temperature', 'budget'])

  // A problem is typed, and its tree is watched while it grows.
  await field('Problem').fill('2 + 2')
  assert.equal(await field('Reference answer').inputValue(), '')
  await field('Reference answer').fill('1')
  const sizes = page.evaluate(() => new Promise(resolve => {
    const seen = new Set()
    const watch = setInterval(() => {
      seen.add(document.querySelectorAll('.node').length)
      if (/^Done/.test(document.querySelector('[role=status]').textContent)) { clearInterval(watch); resolve([...seen]) }
    }, 20)
  }))
  await field('Problem').press('Control+Enter')
  await says(/^Done\. Beam on Q \+ αA, N = 4: answer \d, (right|wrong), \d+ tokens generated\.$/)
  assert.ok((await sizes).length >= 3, `the tree had ${await sizes} nodes`)
  const path = await page.locator('.node.chosen').count()
  assert.ok(path >= 2 && path === await page.locator('.trace .steps li').count())
  const colors = await page.locator('.node.kept rect').evaluateAll(rects => new Set(rects.map(r => getComputedStyle(r).fill)).size)
  assert.ok(colors > 1, 'steps have the colours of their progress')

  // Arrow keys go through the tree; only one step is in the order of Tab.
  assert.equal(await page.locator('.node[tabindex="0"]').count(), 1)
  const last = page.locator('.node.selected')
  assert.match(await last.getAttribute('aria-label'), /^Answer: \d, Q 0\.\d\d, progress .*, chosen$/)
  const parent = await last.getAttribute('data-parent')
  await last.focus()
  await page.keyboard.press('ArrowLeft')
  assert.equal(await page.evaluate(() => document.activeElement.getAttribute('data-id')), parent)
  assert.match(await page.locator('.panel h4').first().textContent(), /^Step \d/)
  await page.keyboard.press('Home')
  assert.equal(await page.locator('.panel h4').first().textContent(), 'The problem')

  // A search that would take many rounds is cancelled.
  await field('Method').selectOption('mcts')
  await field('N').first().fill('128')
  await search.click()
  await page.locator('.lane', { hasText: 'N = 128' }).locator('.node').nth(3).waitFor()
  await page.getByRole('button', { name: 'Cancel' }).click()
  await says(/^Cancelled after \d+ tokens\.$/)
  assert.equal(await page.evaluate(() => document.activeElement.textContent), 'Search')
  const grown = await page.locator('.node').count()
  await page.waitForTimeout(300)
  assert.equal(await page.locator('.node').count(), grown)

  // Two methods are compared at equal tokens.
  await field('Method').selectOption('beam-pav')
  await field('N').first().fill('8')
  await page.getByLabel('compare with another method').check()
  await field('N').nth(1).fill('2')
  await search.click()
  await says(/^Done\. Beam.*Best-of-N/)
  const lanes = page.locator('.lane'), spent = [await number(lanes.nth(0)), await number(lanes.nth(1))]
  assert.ok(Math.abs(spent[1] / spent[0] - 1) < 0.25, `${spent} tokens`)
  assert.ok(Number(await field('N').nth(1).inputValue()) > 2)

  // What the server refuses is one sentence.
  await field('N').first().fill('100000')
  await search.click()
  await says(/^[A-Z][^.]*n must be [^.]*\.$|^[A-Z].*\.$/, page.getByRole('alert').first())
  await field('N').first().fill('4')

  // The tree of a chat completion opens in the same view.
  const reply = await page.evaluate(async bearer => (await fetch('/v1/chat/completions', {
    method: 'POST', headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${bearer}` },
    body: JSON.stringify({ model: 'toy:beam-4', seed: 1, messages: [{ role: 'user', content: '3 + 4' }], pav: { trace: true } }),
  })).text(), key)
  await page.getByText('Open a tree or problems').click()
  await field('Paste').fill('not a tree')
  await page.getByRole('button', { name: 'Show' }).click()
  await says(/There is no tree in this/, page.getByRole('alert').nth(1))
  await field('Paste').fill(reply)
  await page.getByRole('button', { name: 'Show' }).click()
  await says(/The tree is shown below/)
  assert.equal(await page.locator('.lane .problem .text').textContent(), '3 + 4')
  await page.locator('.node.chosen').nth(1).waitFor()

  // Problems of a file can be picked.
  const problems = Buffer.from('{"problem":"5 + 6","answer":"11"}\n{"problem":"7 + 8","answer":"15"}\n')
  await field('or open a file').setInputFiles({ name: 'problems.jsonl', mimeType: 'application/jsonl', buffer: problems })
  await says(/2 problems can be picked now/)
  await field('Pick one').selectOption('1')
  assert.deepEqual([await field('Problem').inputValue(), await field('Reference answer').inputValue()], ['7 + 8', '15'])

  // Nothing is wider than a narrow screen, in the dark too.
  await page.setViewportSize({ width: 360, height: 800 })
  await page.emulateMedia({ colorScheme: 'dark' })
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth))
  assert.deepEqual([complaints, foreign], [[], []])
  console.log('all is well')
} catch (error) {
  console.log(error.stack)
  console.log('status:', await status.textContent().catch(() => '?'), 'alerts:', await page.getByRole('alert').allTextContents().catch(() => '?'))
  process.exitCode = 1
} finally {
  await browser.close()
}
