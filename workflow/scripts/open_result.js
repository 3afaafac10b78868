"use strict";
// #results/<study>/figures/<name>.svg behind the address shows how that file was made.
(() => {
  const open = () => {
    const path = decodeURIComponent(location.hash.slice(1));
    if (typeof app === "undefined" || !Object.hasOwn(results, path)) return;
    app.setView({ navbarMode: "resultinfo", resultPath: path, content: "img", contentPath: results[path].data_uri });
  };
  addEventListener("hashchange", open);
  addEventListener("load", () => setTimeout(open, 200));
})();
