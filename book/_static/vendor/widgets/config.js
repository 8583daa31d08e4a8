// Ours: require.js finds the widgets' modules beside this file, in the book itself.
window.require = { baseUrl: new URL(".", document.currentScript.src).href };
