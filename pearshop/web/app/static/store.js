/** What stays on the phone: IndexedDB, one table of values by name and one of products. */

const NAME = "pearshop";
const VALUES = "values";
const PRODUCTS = "products";

/** @type {Promise<IDBDatabase> | undefined} */
let opening;

/** @returns {Promise<IDBDatabase>} */
function open() {
  opening ??= new Promise((resolve, reject) => {
    const request = indexedDB.open(NAME, 1);
    request.onupgradeneeded = () => {
      request.result.createObjectStore(VALUES);
      request.result.createObjectStore(PRODUCTS, { keyPath: "id" });
    };
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
  return opening;
}

/**
 * @param {string} table
 * @param {IDBTransactionMode} mode
 * @param {(rows: IDBObjectStore) => IDBRequest | void} work
 * @returns {Promise<any>} the request's result, once the transaction is on disk
 */
async function run(table, mode, work) {
  const database = await open();
  return new Promise((resolve, reject) => {
    const transaction = database.transaction(table, mode, { durability: "strict" });
    const request = work(transaction.objectStore(table));
    transaction.oncomplete = () => resolve(request?.result);
    transaction.onabort = () => reject(transaction.error);
  });
}

/**
 * @param {string} name
 * @returns {Promise<any>} `undefined` where there is none
 */
export const get = (name) => run(VALUES, "readonly", (rows) => rows.get(name));

/**
 * @param {string} name
 * @param {unknown} value
 */
export const put = (name, value) => run(VALUES, "readwrite", (rows) => rows.put(value, name));

/**
 * Read and write without anyone between, not even another tab.
 * @template T
 * @param {string} name
 * @param {(old: any) => T} change
 * @returns {Promise<T>} what is stored now
 */
export async function change(name, change) {
  /** @type {any} */
  let stored;
  await run(VALUES, "readwrite", (rows) => {
    const found = rows.get(name);
    found.onsuccess = () => {
      stored = change(found.result);
      rows.put(stored, name);
    };
  });
  return stored;
}

/** @param {...string} names */
export const drop = (...names) =>
  run(VALUES, "readwrite", (rows) => names.forEach((each) => void rows.delete(each)));

/** @param {import("./types.js").Product[]} products */
export const keepProducts = (products) =>
  run(PRODUCTS, "readwrite", (rows) => products.forEach((each) => void rows.put(each)));

/**
 * @param {number} id
 * @returns {Promise<import("./types.js").Product | undefined>}
 */
export const product = (id) => run(PRODUCTS, "readonly", (rows) => rows.get(id));

/** @returns {Promise<import("./types.js").Product[]>} all that were ever seen */
export const products = () => run(PRODUCTS, "readonly", (rows) => rows.getAll());
