// Opens the explorer in a browser without any other host, runs an operation and reads what it shows.
import { chromium } from 'playwright-core';

const { address, executable } = JSON.parse(process.argv[2]);
const browser = await chromium.launch({ executablePath: executable, args: ['--no-sandbox'] });
const page = await browser.newPage();
const faults = [];
page.on('console', (message) => message.type() === 'error' && faults.push(message.text()));
page.on('pageerror', (error) => faults.push(String(error)));
page.on('request', (request) => new URL(request.url()).origin !== address && !request.url().startsWith('data:') && faults.push(request.url()));
await page.goto(address + '/graphql');
await page.waitForSelector('#schema summary');
const types = await page.locator('#schema summary').allTextContents();
await page.fill('#query', 'query($first: Int) { sampleBillingInvoices(first: $first) { totalCount } }');
await page.fill('#variables', '{"first": 3}');
await page.keyboard.press('Control+Enter');
await page.waitForFunction(() => document.getElementById('answer').textContent.includes('totalCount'));
const answer = await page.textContent('#answer');
console.log(JSON.stringify({ url: page.url(), types, answer: JSON.parse(answer), faults }));
await browser.close();
